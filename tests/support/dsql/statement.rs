//! One statement of a client: what it is for a transaction, the text that the Postgres behind understands, and why DSQL refuses it.
//! Looks at the text alone: what depends on the transaction or on the data is judged elsewhere.

use pg_query::protobuf::{FuncCall, TransactionStmt, TransactionStmtKind, a_const};
use pg_query::{DeparseOptions, NodeEnum};

use super::definition;
use super::refusal::Refusal;
use super::surface;
use super::words::Words;

/// What a statement is for its transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    Begin {
        read_only: bool,
    },
    Commit,
    Rollback,
    Read,
    /// Changes rows.
    Write,
    /// Changes the catalogue.
    Definition,
    /// Hands a job to the server; the id is the stand-in's.
    Job(String),
    /// Waits for the job with this id.
    Wait(JobName),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobName {
    Literal(String),
    /// The first parameter.
    Parameter,
}

/// A judged statement.
#[derive(Debug, Clone)]
pub struct Statement {
    /// For the Postgres behind.
    pub sql: String,
    pub kind: Kind,
    pub refusal: Option<Refusal>,
}

impl Statement {
    pub fn read(sql: &str) -> Self {
        match judge(sql) {
            Ok((sql, kind)) => Self { sql, kind, refusal: None },
            Err(refusal) => Self { sql: sql.to_owned(), kind: Kind::Read, refusal: Some(refusal) },
        }
    }
}

/// The statements of a simple query; empty ones are left out.
pub fn split(text: &str) -> Vec<String> {
    Words::of(text).map_or_else(|| vec![text.to_owned()], |words| words.statements())
}

fn judge(sql: &str) -> Result<(String, Kind), Refusal> {
    // What cannot be scanned or parsed goes on as it is: the server knows best what is wrong with it.
    let Some(words) = Words::of(sql) else { return Ok((sql.to_owned(), Kind::Read)) };
    surface::anywhere(&words)?;
    let (plain, asynchronous) = words.without_async();
    let Ok(mut parsed) = pg_query::parse(&words.shortened().unwrap_or_else(|| plain.clone()), 0) else { return Ok((plain, Kind::Read)) };
    let Some(node) = parsed.protobuf.stmts.first_mut().and_then(|raw| raw.stmt.as_mut()).and_then(|stmt| stmt.node.as_mut()) else {
        return Ok((plain, Kind::Read));
    };
    if asynchronous {
        return definition::job(node, &plain);
    }
    let kind = kind(node, &words)?;
    let rewritten = kind == Kind::Definition && definition::bare_numeric(node);
    let sql = if rewritten {
        parsed.protobuf.deparse(DeparseOptions::default()).map_err(|error| Refusal::new("XX000", error.to_string()))?
    } else {
        plain
    };
    Ok((sql, kind))
}

fn kind(node: &NodeEnum, words: &Words) -> Result<Kind, Refusal> {
    match node {
        NodeEnum::TransactionStmt(stmt) => transaction(stmt),
        NodeEnum::SelectStmt(stmt) if stmt.into_clause.is_some() => Err(unsupported("SELECT INTO")),
        NodeEnum::SelectStmt(stmt) => Ok(if surface::writes(stmt) { Kind::Write } else { Kind::Read }),
        NodeEnum::InsertStmt(_) | NodeEnum::UpdateStmt(_) | NodeEnum::DeleteStmt(_) => Ok(Kind::Write),
        NodeEnum::CopyStmt(stmt) if stmt.is_program || !stmt.filename.is_empty() => Err(unsupported("COPY with a file or program")),
        NodeEnum::CopyStmt(stmt) => Ok(if stmt.is_from { Kind::Write } else { Kind::Read }),
        NodeEnum::ExplainStmt(stmt) => match stmt.query.as_ref().and_then(|query| query.node.as_ref()) {
            // Only EXPLAIN ANALYZE runs it.
            Some(inner) => kind(inner, words).map(|kind| if words.has("analyze") { kind } else { Kind::Read }),
            None => Ok(Kind::Read),
        },
        NodeEnum::VariableSetStmt(stmt) => surface::setting(stmt).map(|()| Kind::Read),
        NodeEnum::VariableShowStmt(_) => Ok(Kind::Read),
        NodeEnum::VacuumStmt(stmt) if !stmt.is_vacuumcmd => Ok(Kind::Read),
        NodeEnum::CallStmt(stmt) => wait(stmt.funccall.as_deref()),
        other => definition::judge(other, words).map(|()| Kind::Definition),
    }
}

/// In words of our own: what a cluster says of most statements is not recorded.
pub fn unsupported(what: &str) -> Refusal {
    Refusal::unsupported(format!("{what} is not supported"))
}

fn transaction(stmt: &TransactionStmt) -> Result<Kind, Refusal> {
    let mut read_only = false;
    for (name, value) in stmt.options.iter().filter_map(definition::option) {
        match (name.as_str(), value.as_str()) {
            ("transaction_isolation", "repeatable read") => {}
            ("transaction_isolation", other) => return Err(unsupported(&format!("isolation level {other}"))),
            ("transaction_read_only", value) => read_only = value == "1",
            (other, _) => return Err(unsupported(other)),
        }
    }
    if stmt.chain {
        return Err(unsupported("AND CHAIN"));
    }
    match stmt.kind() {
        TransactionStmtKind::TransStmtBegin | TransactionStmtKind::TransStmtStart => Ok(Kind::Begin { read_only }),
        TransactionStmtKind::TransStmtCommit => Ok(Kind::Commit),
        TransactionStmtKind::TransStmtRollback => Ok(Kind::Rollback),
        TransactionStmtKind::TransStmtSavepoint | TransactionStmtKind::TransStmtRelease | TransactionStmtKind::TransStmtRollbackTo => {
            Err(unsupported("SAVEPOINT"))
        }
        TransactionStmtKind::TransStmtPrepare
        | TransactionStmtKind::TransStmtCommitPrepared
        | TransactionStmtKind::TransStmtRollbackPrepared
        | TransactionStmtKind::Undefined => Err(unsupported("PREPARE TRANSACTION")),
    }
}

/// `CALL sys.wait_for_job(id)`: the one procedure there is.
fn wait(call: Option<&FuncCall>) -> Result<Kind, Refusal> {
    let call = call.ok_or_else(|| unsupported("CALL"))?;
    let name: Vec<String> = call.funcname.iter().filter_map(definition::string).collect();
    if name != ["sys", "wait_for_job"] {
        return Err(Refusal::new("42883", format!("procedure {} does not exist", name.join("."))));
    }
    let argument = call.args.first().and_then(|argument| argument.node.as_ref());
    match argument {
        Some(NodeEnum::AConst(constant)) => match &constant.val {
            Some(a_const::Val::Sval(text)) => Ok(Kind::Wait(JobName::Literal(text.sval.clone()))),
            _ => Err(Refusal::new("42883", "procedure sys.wait_for_job takes a text")),
        },
        _ => Ok(Kind::Wait(JobName::Parameter)),
    }
}
