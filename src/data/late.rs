//! Chunks that stood in each other's way, such as two rows that swapped a unique value: settled together when all else of a pass is.
//! Never leaves one unsettled without naming what is in its way.

use crate::data::again;
use crate::data::ledger::{self, Claim};
use crate::data::load::is_about_a_row;
use crate::data::worker::{Step, Worker, in_the_way};
use crate::error::Result;

impl Worker<'_> {
    /// Takes all late chunks, of one table where one transaction may hold them.
    pub(super) async fn settle_late(&mut self) -> Result<Step> {
        let small = self.crew.limits.is_some();
        let claims = self.ledger.take_late(&self.to.session, &self.crew.tables, small).await?;
        let together = if small { None } else { Some(self.settle_together(&claims).await) };
        let done = match together {
            None => self.settle_one_by_one(claims).await,
            // One of the rows cannot go: it is found and set aside.
            Some(Err(error)) if is_about_a_row(&error) => {
                self.out_of_transaction().await?;
                self.settle_one_by_one(claims).await
            }
            Some(done) => done,
        };
        match done {
            Ok(()) => Ok(Step::Settled),
            // Another worker has one of them now.
            Err(error) if ledger::is_lost(&error) => self.to.session.rollback().await.map(|()| Step::Wait),
            Err(error) => Err(error),
        }
    }

    /// Chunks of one table in one transaction.
    async fn settle_together(&mut self, claims: &[Claim]) -> Result<()> {
        let Some((index, table)) = claims.first().and_then(|claim| self.table(claim)) else { return Ok(()) };
        let together = match self.apply_together(claims, table).await {
            Err(error) if in_the_way(&error) => {
                self.out_of_transaction().await?;
                None
            }
            other => other?,
        };
        let outcomes = match together {
            Some(outcomes) => outcomes,
            None => self.replace_all(claims, table).await?,
        };
        for (claim, outcome) in claims.iter().zip(&outcomes) {
            self.crew.tally.begin(&self.name, index, &claim.range);
            self.crew.tally.end(&self.name, index, outcome);
        }
        Ok(())
    }

    /// Where every transaction is small: chunk by chunk, as long as what one of them wrote or deleted may have freed another.
    async fn settle_one_by_one(&mut self, mut late: Vec<Claim>) -> Result<()> {
        let mut tries = 0;
        loop {
            let (before, commits) = (late.len(), self.commits);
            let mut left = Vec::new();
            let mut why = None;
            for claim in late {
                let Some((index, table)) = self.table(&claim) else { continue };
                self.renew_when_old().await?;
                self.crew.tally.begin(&self.name, index, &claim.range);
                self.put = 0;
                match self.compare(&claim, table).await {
                    Ok(outcome) => self.crew.tally.end(&self.name, index, &outcome),
                    Err(error) if in_the_way(&error) || (again::transient(&error) && tries < self.crew.batch_limits.retries) => {
                        tries += u32::from(!in_the_way(&error));
                        self.crew.tally.drop_chunk(&self.name, self.put);
                        if self.to.session.is_closed() {
                            self.reconnect_patiently().await?;
                            self.ledger.take_over(&self.to.session, &claim).await?;
                        } else {
                            let _ = self.to.session.rollback().await;
                        }
                        why = Some(error);
                        left.push(claim);
                    }
                    Err(error) => return Err(error),
                }
            }
            let Some(error) = why else { return Ok(()) };
            if left.len() == before && self.commits == commits && in_the_way(&error) {
                return Err(error);
            }
            late = left;
        }
    }
}
