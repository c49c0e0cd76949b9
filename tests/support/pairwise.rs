//! A covering array: as few sets of answers as a greedy walk finds in which every pair of choices that can go together does.
//! Knows questions and their conditions, nothing of what they mean.

use std::collections::{BTreeMap, BTreeSet};

/// A question with its choices, in the order in which it is asked.
#[derive(Debug, Clone)]
pub struct Dimension {
    pub id: String,
    pub choices: Vec<String>,
    /// It is asked only if each of these has one of the values; only of earlier dimensions.
    pub when: BTreeMap<String, Vec<String>>,
}

pub type Row = BTreeMap<String, String>;
pub type Pair = [(String, String); 2];

/// Every pair of choices of two dimensions that can be asked together.
pub fn pairs(dimensions: &[Dimension]) -> BTreeSet<Pair> {
    let mut all = BTreeSet::new();
    for (i, one) in dimensions.iter().enumerate() {
        for other in &dimensions[i + 1..] {
            for (a, b) in one.choices.iter().flat_map(|a| other.choices.iter().map(move |b| (a, b))) {
                let pair = [(one.id.clone(), a.clone()), (other.id.clone(), b.clone())];
                if closed(dimensions, &pair).is_some() {
                    all.insert(pair);
                }
            }
        }
    }
    all
}

/// The pairs that a row has.
pub fn of_row(row: &Row, dimensions: &[Dimension]) -> BTreeSet<Pair> {
    let given: Vec<(String, String)> =
        dimensions.iter().filter_map(|d| row.get(&d.id).map(|value| (d.id.clone(), value.clone()))).collect();
    given.iter().enumerate().flat_map(|(i, a)| given[i + 1..].iter().map(move |b| [a.clone(), b.clone()])).collect()
}

/// The rows. Each question that applies is answered, no other.
///
/// A row begins with the open pair whose choices stand in most other open pairs, and takes of each question the choice
/// that covers most with what the row has, then the one that stands in most.
pub fn rows(dimensions: &[Dimension]) -> Vec<Row> {
    let place: BTreeMap<&str, usize> = dimensions.iter().enumerate().map(|(i, d)| (d.id.as_str(), i)).collect();
    let mut open = pairs(dimensions);
    let mut degree: BTreeMap<(String, String), usize> = BTreeMap::new();
    for choice in open.iter().flatten() {
        *degree.entry(choice.clone()).or_default() += 1;
    }
    let mut rows = Vec::new();
    while let Some(first) = open.iter().max_by_key(|[a, b]| degree[a] + degree[b]).cloned() {
        let allowed = closed(dimensions, &first).unwrap();
        let mut row = Row::new();
        for dimension in dimensions {
            let asked = dimension.when.iter().all(|(id, values)| row.get(id).is_some_and(|given| values.contains(given)));
            if !asked {
                continue;
            }
            let mut known = row.clone();
            known.extend(first.iter().filter(|(id, _)| *id != dimension.id).cloned());
            let gain = |choice: &String| {
                let new = (dimension.id.clone(), choice.clone());
                let covers = |(id, value): (&String, &String)| {
                    let old = (id.clone(), value.clone());
                    let pair = if place[id.as_str()] < place[dimension.id.as_str()] { [old, new.clone()] } else { [new.clone(), old] };
                    open.contains(&pair)
                };
                (known.iter().filter(|entry| covers(*entry)).count(), degree.get(&new).copied().unwrap_or(0))
            };
            let fits = |choice: &&String| allowed.get(&dimension.id).is_none_or(|values| values.contains(*choice));
            let best = dimension.choices.iter().filter(fits).max_by_key(|choice| gain(choice)).unwrap();
            row.insert(dimension.id.clone(), best.clone());
        }
        let before = open.len();
        for pair in of_row(&row, dimensions) {
            if open.remove(&pair) {
                for choice in &pair {
                    *degree.get_mut(choice).unwrap() -= 1;
                }
            }
        }
        assert!(open.len() < before, "{first:?} is not in the row that was made for it: {row:?}");
        rows.push(row);
    }
    rows
}

/// What each dimension may be once these two are so; `None` if they exclude each other.
fn closed(dimensions: &[Dimension], pair: &Pair) -> Option<BTreeMap<String, BTreeSet<String>>> {
    let mut allowed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (id, value) in pair {
        narrow(&mut allowed, id, [value.clone()].into())?;
    }
    // what is fixed must be asked, and so must what that depends on: later ones ask for earlier ones
    for dimension in dimensions.iter().rev() {
        if allowed.contains_key(&dimension.id) {
            for (id, values) in &dimension.when {
                narrow(&mut allowed, id, values.iter().cloned().collect())?;
            }
        }
    }
    Some(allowed)
}

fn narrow(allowed: &mut BTreeMap<String, BTreeSet<String>>, id: &str, to: BTreeSet<String>) -> Option<()> {
    let left: BTreeSet<String> = match allowed.get(id) {
        Some(before) => before.intersection(&to).cloned().collect(),
        None => to,
    };
    if left.is_empty() {
        return None;
    }
    allowed.insert(id.to_owned(), left);
    Some(())
}
