//! Chunks that stood in each other's way, such as two rows that swapped a unique value: settled together at the end of a pass.
//! Never settles a chunk that another process holds.

use std::collections::BTreeMap;

use crate::data::copy::Begun;
use crate::data::ledger::Claim;
use crate::data::worker::{Crew, Worker, in_the_way};
use crate::error::Result;

/// The chunks that others stood in the way of: all of a table in one transaction.
pub async fn settle_late(crew: &Crew<'_>, begun: &Begun, late: Vec<Claim>) -> Result<()> {
    if late.is_empty() {
        return Ok(());
    }
    let mut worker = Worker::open(crew, begun.pass, crew.tables.len()).await?;
    let mut tables: BTreeMap<String, Vec<Claim>> = BTreeMap::new();
    for claim in late {
        tables.entry(claim.table.clone()).or_default().push(claim);
    }
    for claims in tables.into_values() {
        worker.settle_late(claims).await?;
    }
    Ok(())
}

impl Worker<'_> {
    /// Chunks of one table that stood in each other's way.
    async fn settle_late(&mut self, claims: Vec<Claim>) -> Result<()> {
        let Some((index, table)) = claims.first().and_then(|claim| self.table(claim)) else { return Ok(()) };
        for claim in &claims {
            self.ledger.take_over(&self.to.session, claim).await?;
        }
        if self.crew.limits.is_some() {
            for claim in &claims {
                self.crew.tally.begin(&self.name, index, &claim.range);
                let outcome = self.compare(claim, table).await?;
                self.crew.tally.end(&self.name, index, &outcome);
            }
            return Ok(());
        }
        let together = match self.apply_together(&claims, table).await {
            Err(error) if in_the_way(&error) => {
                self.to.session.rollback().await?;
                None
            }
            other => other?,
        };
        let outcomes = match together {
            Some(outcomes) => outcomes,
            None => self.replace_all(&claims, table).await?,
        };
        for (claim, outcome) in claims.iter().zip(&outcomes) {
            self.crew.tally.begin(&self.name, index, &claim.range);
            self.crew.tally.end(&self.name, index, outcome);
        }
        Ok(())
    }
}
