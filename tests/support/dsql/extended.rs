//! The extended protocol: Parse, Bind, Describe, Execute, Close and Sync, each sent on with a Flush and answered before the next.
//! Parameters and results pass through as they are, text or binary.

use std::io;

use super::session::Session;
use super::statement::{JobName, Kind, Statement, unsupported};
use super::wire::{self, Frame, take_bytes, take_i16, take_text};

impl Session {
    pub(super) async fn extended(&mut self, frame: Frame) -> io::Result<()> {
        if frame.tag == b'S' {
            return self.sync().await;
        }
        if self.skipping {
            return Ok(());
        }
        self.begin_if_idle().await?;
        let went_well = match frame.tag {
            b'P' => self.parse(frame).await?,
            b'B' => self.bind(frame).await?,
            b'D' => self.forward(frame, b"Tn").await?,
            b'E' => self.execute(frame).await?,
            b'C' => self.forward(frame, b"3").await?,
            b'H' => {
                self.flush().await?;
                true
            }
            _ => self.refuse(&unsupported("this message")).await.map(|()| false)?,
        };
        self.skipping = !went_well;
        Ok(())
    }

    /// The end of a batch: an implicit transaction ends with it.
    async fn sync(&mut self) -> io::Result<()> {
        self.skipping = false;
        self.backend.send(&[wire::sync()]).await?;
        loop {
            let frame = self.backend.read().await?;
            if frame.tag == b'Z' {
                break;
            }
            // A setting that changed is told at this point.
            self.emit(&frame).await?;
        }
        self.end_implicit().await?;
        self.ready().await
    }

    /// Sends a message on and passes on the answer, up to a message of one of these types; whether there was no error.
    async fn forward(&mut self, frame: Frame, ends: &[u8]) -> io::Result<bool> {
        self.backend.send(&[frame, wire::flush()]).await?;
        loop {
            let answer = self.backend.read().await?;
            if answer.tag == b'E' {
                self.fail(&answer).await?;
                return Ok(false);
            }
            self.emit(&answer).await?;
            if ends.contains(&answer.tag) {
                return Ok(true);
            }
        }
    }

    async fn parse(&mut self, frame: Frame) -> io::Result<bool> {
        let mut rest = frame.body.as_slice();
        let name = take_text(&mut rest);
        let statement = Statement::read(&take_text(&mut rest));
        if let Some(refusal) = &statement.refusal {
            self.refuse(refusal).await?;
            return Ok(false);
        }
        let mut body = Vec::new();
        wire::put_text(&mut body, &name);
        wire::put_text(&mut body, &statement.sql);
        body.extend_from_slice(rest);
        self.statements.insert(name, statement);
        self.forward(Frame::new(b'P', body), b"1").await
    }

    async fn bind(&mut self, frame: Frame) -> io::Result<bool> {
        let mut rest = frame.body.as_slice();
        let portal = take_text(&mut rest);
        let name = take_text(&mut rest);
        let formats = take_i16(&mut rest);
        for _ in 0..formats {
            take_i16(&mut rest);
        }
        let parameters = take_i16(&mut rest);
        let first = if parameters > 0 { take_bytes(&mut rest) } else { None };
        let first = String::from_utf8_lossy(first.unwrap_or_default()).into_owned();
        let Some(statement) = self.statements.get(&name).cloned() else { return self.forward(frame, b"2").await };
        // Before its portal is made, because a wait begins a new transaction, whose moment is after the job.
        if let Kind::Wait(job) = &statement.kind {
            let job = match job {
                JobName::Literal(job) => job.clone(),
                JobName::Parameter => first,
            };
            if !self.wait(&job).await? {
                return Ok(false);
            }
        }
        self.portals.insert(portal, statement);
        self.forward(frame, b"2").await
    }

    async fn execute(&mut self, frame: Frame) -> io::Result<bool> {
        let Some(statement) = self.portals.get(&frame.text()).cloned() else {
            return self.perform(&Statement::read(""), frame).await;
        };
        if self.control(&statement).await? {
            return Ok(!self.transaction.failed);
        }
        Ok(self.admit(&statement).await? && self.perform(&statement, frame).await?)
    }
}
