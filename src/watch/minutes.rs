//! What a load balancer and a database count by the minute, as shares.
//! A minute without requests has no error rate: it is neither good nor bad.

/// Errors in per cent of the requests, for each minute that has requests. Points are (start in milliseconds, count); errors that were
/// not counted are none: CloudWatch writes down no zeros of them.
pub fn error_percent(requests: &[(i64, f64)], errors: &[&[(i64, f64)]]) -> Vec<(i64, f64)> {
    // folded from nought: the sum of nothing is minus nought
    let of = |at: i64| errors.iter().flat_map(|one| one.iter()).filter(|(when, _)| *when == at).fold(0.0, |all, (_, count)| all + count);
    // what the load balancer answers itself is not among the requests that it counts for targets: never more than all
    requests.iter().filter(|(_, count)| *count > 0.0).map(|(at, count)| (*at, (of(*at) * 100.0 / count).min(100.0))).collect()
}

/// Each value in per cent of the most.
pub fn share(points: &[(i64, f64)], most: f64) -> Vec<(i64, f64)> {
    if most > 0.0 { points.iter().map(|(at, value)| (*at, value * 100.0 / most)).collect() } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_without_requests_has_no_rate_and_uncounted_errors_are_none() {
        let requests = [(0, 200.0), (60, 0.0), (120, 50.0), (180, 2.0)];
        let (target, balancer) = ([(0, 3.0), (180, 1.0)], [(0, 1.0), (60, 9.0), (180, 7.0)]);
        assert_eq!(error_percent(&requests, &[&target, &balancer]), [(0, 2.0), (120, 0.0), (180, 100.0)]);
        assert!(error_percent(&requests, &[]).iter().all(|(_, percent)| percent.is_sign_positive()));
        assert_eq!(share(&[(0, 90.0)], 112.5), [(0, 80.0)]);
        assert_eq!(share(&[(0, 90.0)], 0.0), []);
    }
}
