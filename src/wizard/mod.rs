//! What a run is: playbooks, journal, state, engine, view.
//! Knows no AWS, no SQL and no terminal; `state`, `plan`, `playbook`, `template` and `view` do no I/O and read no clock.

pub mod effect;
pub mod engine;
pub mod forecast;
pub mod journal;
pub mod keys;
pub mod plan;
pub mod playbook;
pub mod review;
pub mod runbook;
pub mod screens;
pub mod state;
pub mod template;
pub mod timeline;
pub mod view;
