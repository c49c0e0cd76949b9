//! Reading, walking and printing parse trees.
//! Never knows a target.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use pg_query::protobuf::{AConst, CreateFunctionStmt, ParseResult, RawStmt, SelectStmt, TypeName, WindowDef};
use pg_query::{DeparseOptions, Node, NodeEnum};

use super::names::{self, IntoNode};
use crate::error::{Context, Error, Kind, Result};

/// The SQL of a statement on one line.
pub fn sql(node: NodeEnum) -> Result<String> {
    print(node, DeparseOptions::default())
}

/// The SQL of a statement with a line for each column or clause.
pub fn pretty(node: NodeEnum) -> Result<String> {
    print(node, DeparseOptions { pretty_print: true, ..DeparseOptions::default() })
}

fn print(node: NodeEnum, options: DeparseOptions) -> Result<String> {
    // Not the node's own `deparse`, which copies it.
    let statement = RawStmt { stmt: Some(Box::new(quoted(node).into_node())), stmt_location: 0, stmt_len: 0 };
    let text = pg_query::deparse(&ParseResult { version: 0, stmts: vec![statement] }, options).or_fail(
        Kind::Bug,
        "cannot print a converted statement",
        "this is a bug in migrate-wizard: please report it",
    )?;
    Ok(text)
}

/// The deparser writes some names as they are (libpg_query 18.1.0, `postgres_deparse.c`): those that need quotes get them here.
fn quoted(mut node: NodeEnum) -> NodeEnum {
    let mut names: Vec<&mut Node> = Vec::new();
    match &mut node {
        NodeEnum::CreateFunctionStmt(function) => {
            names.extend(&mut function.parameters);
            names.extend(function.sql_body.as_deref_mut());
        }
        NodeEnum::CreateStatsStmt(statistics) => names.extend(&mut statistics.exprs),
        NodeEnum::CommentStmt(comment) => {
            if let Some(NodeEnum::ObjectWithArgs(object)) = comment.object.as_mut().and_then(|object| object.node.as_mut()) {
                names.extend(&mut object.objfuncargs);
            }
        }
        NodeEnum::ViewStmt(view) => names.extend(view.query.as_deref_mut()),
        NodeEnum::SelectStmt(select) => {
            let mut inner = Vec::new();
            self::select(select, &mut inner);
            names.extend(inner);
        }
        _ => {}
    }
    for node in names {
        walk(node, &mut |node| match &mut node.node {
            Some(NodeEnum::FunctionParameter(parameter)) => quote(&mut parameter.name),
            Some(NodeEnum::StatsElem(element)) => quote(&mut element.name),
            Some(NodeEnum::NamedArgExpr(argument)) => quote(&mut argument.name),
            Some(NodeEnum::WindowDef(window)) => quote(&mut window.name),
            Some(NodeEnum::FuncCall(call)) => {
                if let Some(over) = call.over.as_mut() {
                    quote(&mut over.name);
                }
            }
            Some(NodeEnum::JoinExpr(join)) => {
                if let Some(alias) = join.join_using_alias.as_mut() {
                    quote(&mut alias.aliasname);
                }
            }
            _ => {}
        });
    }
    node
}

fn quote(name: &mut String) {
    let plain = |c: char| c == '_' || c.is_ascii_lowercase() || c.is_ascii_digit();
    let safe = name.chars().all(plain) && !name.starts_with(|c: char| c.is_ascii_digit());
    // A word of the language is refused as a name when it stands alone.
    if !name.is_empty() && (!safe || pg_query::parse(&format!("SELECT 1 AS x FROM {name}"), 0).is_err()) {
        *name = crate::postgres::quote::ident(name);
    }
}

/// The SQL of an expression.
pub fn expression_sql(expression: &Node) -> Result<String> {
    let target = pg_query::protobuf::ResTarget { val: Some(Box::new(expression.clone())), ..Default::default() };
    let select =
        SelectStmt { target_list: vec![NodeEnum::ResTarget(Box::new(target)).into_node()], limit_option: 1, op: 1, ..Default::default() };
    Ok(sql(NodeEnum::SelectStmt(Box::new(select)))?.trim_start_matches("SELECT ").to_owned())
}

/// The statement that a piece of SQL of ours stands for.
pub fn statement(text: &str) -> Result<NodeEnum> {
    let bug = || Error::bug(format!("cannot read our own statement {text:?}"));
    let parsed = pg_query::parse(text, 0).map_err(|error| bug().because(&error))?;
    parsed.protobuf.stmts.into_iter().next().and_then(|raw| raw.stmt).and_then(|stmt| stmt.node).ok_or_else(bug)
}

/// The expression that a piece of SQL of ours stands for.
pub fn expression(text: &str) -> Result<Node> {
    let bug = || Error::bug(format!("cannot read our own expression {text:?}"));
    let parsed = pg_query::parse(&format!("SELECT {text}"), 0).map_err(|error| bug().because(&error))?;
    let statement = parsed.protobuf.stmts.into_iter().next().and_then(|raw| raw.stmt).and_then(|stmt| stmt.node);
    let Some(NodeEnum::SelectStmt(select)) = statement else { return Err(bug()) };
    let target = select.target_list.into_iter().next().and_then(|target| target.node);
    let Some(NodeEnum::ResTarget(target)) = target else { return Err(bug()) };
    target.val.map(|val| *val).ok_or_else(bug)
}

/// What types are in text and as trees. A schema has few types and many columns: each is read, and printed, once.
static READ: LazyLock<Mutex<HashMap<String, TypeName>>> = LazyLock::new(Mutex::default);
static PRINTED: LazyLock<Mutex<HashMap<String, String>>> = LazyLock::new(Mutex::default);

/// What is remembered under a key, or is made now.
fn once<T: Clone>(memory: &Mutex<HashMap<String, T>>, key: &str, make: impl FnOnce() -> Result<T>) -> Result<T> {
    let known = memory.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned();
    if let Some(known) = known {
        return Ok(known);
    }
    let made = make()?;
    memory.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned(), made.clone());
    Ok(made)
}

/// The type that a piece of SQL of ours stands for.
pub fn type_name(text: &str) -> Result<TypeName> {
    once(&READ, text, || parse_type(text))
}

fn parse_type(text: &str) -> Result<TypeName> {
    match expression(&format!("NULL::{text}"))?.node {
        Some(NodeEnum::TypeCast(cast)) => cast.type_name.ok_or_else(|| Error::bug(format!("no type in {text:?}"))),
        _ => Err(Error::bug(format!("{text:?} is not a type"))),
    }
}

/// A type as SQL text: `varchar(255)`, `public.status`.
pub fn type_sql(type_name: &TypeName) -> Result<String> {
    match type_key(type_name) {
        Some(key) => once(&PRINTED, &key, || print_type(type_name)),
        None => print_type(type_name),
    }
}

/// What tells a type from all others; `None` for one that is out of the ordinary.
fn type_key(type_name: &TypeName) -> Option<String> {
    use pg_query::protobuf::a_const::Val;
    if type_name.setof || type_name.pct_type {
        return None;
    }
    let mut key = format!("{:?}", names::parts(&type_name.names));
    for node in &type_name.typmods {
        match node.node.as_ref()? {
            NodeEnum::AConst(constant) => match constant.val.as_ref()? {
                Val::Ival(number) => key = format!("{key},{}", number.ival),
                Val::Fval(_) | Val::Boolval(_) | Val::Sval(_) | Val::Bsval(_) => return None,
            },
            _ => return None,
        }
    }
    for node in &type_name.array_bounds {
        match node.node.as_ref()? {
            NodeEnum::Integer(bound) => key = format!("{key}[{}", bound.ival),
            _ => return None,
        }
    }
    Some(key)
}

fn print_type(type_name: &TypeName) -> Result<String> {
    let null = NodeEnum::AConst(AConst { isnull: true, ..AConst::default() }).into_node();
    let cast = pg_query::protobuf::TypeCast { arg: Some(Box::new(null)), type_name: Some(type_name.clone()), location: 0 };
    let text = expression_sql(&NodeEnum::TypeCast(Box::new(cast)).into_node())?;
    Ok(text.trim_start_matches("NULL::").trim_start_matches("pg_catalog.").to_owned())
}

/// The text of a string constant, seen through casts.
pub fn constant(node: &Node) -> Option<String> {
    use pg_query::protobuf::a_const::Val;
    match node.node.as_ref()? {
        NodeEnum::TypeCast(cast) => constant(cast.arg.as_deref()?),
        NodeEnum::AConst(constant) => match constant.val.as_ref()? {
            Val::Sval(text) => Some(text.sval.clone()),
            Val::Ival(number) => Some(number.ival.to_string()),
            Val::Fval(number) => Some(number.fval.clone()),
            Val::Boolval(flag) => Some(flag.boolval.to_string()),
            Val::Bsval(bits) => Some(bits.bsval.clone()),
        },
        _ => None,
    }
}

/// The language of a function, in lower case.
pub fn language(function: &CreateFunctionStmt) -> String {
    let named = function.options.iter().find_map(|option| match &option.node {
        Some(NodeEnum::DefElem(element)) if element.defname == "language" => element.arg.as_deref().and_then(names::string),
        _ => None,
    });
    named.map_or_else(|| "sql".to_owned(), |name| name.to_lowercase())
}

/// Calls `visit` on a node and on every node below it, parents first. Covers expressions and queries.
pub fn walk(node: &mut Node, visit: &mut dyn FnMut(&mut Node)) {
    visit(node);
    if let Some(inner) = node.node.as_mut() {
        for child in children(inner) {
            walk(child, visit);
        }
    }
}

/// Whether some node satisfies the question.
pub fn any(node: &Node, ask: &mut dyn FnMut(&Node) -> bool) -> bool {
    any_in(&mut node.clone(), ask)
}

/// The same where a change is allowed: nothing is copied.
pub fn any_in(node: &mut Node, ask: &mut dyn FnMut(&Node) -> bool) -> bool {
    let mut found = false;
    walk(node, &mut |node| found = found || ask(node));
    found
}

/// The names in a list of tables.
pub fn ranges(nodes: &[Node]) -> Vec<String> {
    let range = |node: &Node| match &node.node {
        Some(NodeEnum::RangeVar(range)) => Some(names::relation(Some(range))),
        _ => None,
    };
    nodes.iter().filter_map(range).collect()
}

/// The tables and views that a query names.
pub fn relations(node: &Node) -> Vec<String> {
    let mut found = Vec::new();
    any(node, &mut |node| {
        if let Some(NodeEnum::RangeVar(range)) = &node.node {
            found.push(names::relation(Some(range)));
        }
        false
    });
    found
}

fn children(node: &mut NodeEnum) -> Vec<&mut Node> {
    let mut out: Vec<&mut Node> = Vec::new();
    match node {
        NodeEnum::SelectStmt(n) => select(n, &mut out),
        NodeEnum::ViewStmt(n) => out.extend(n.query.as_deref_mut()),
        NodeEnum::ReturnStmt(n) => out.extend(n.returnval.as_deref_mut()),
        NodeEnum::List(n) => out.extend(&mut n.items),
        NodeEnum::TypeCast(n) => out.extend(n.arg.as_deref_mut()),
        NodeEnum::AExpr(n) => {
            out.extend(n.lexpr.as_deref_mut());
            out.extend(n.rexpr.as_deref_mut());
        }
        NodeEnum::BoolExpr(n) => out.extend(&mut n.args),
        NodeEnum::NullTest(n) => out.extend(n.arg.as_deref_mut()),
        NodeEnum::BooleanTest(n) => out.extend(n.arg.as_deref_mut()),
        NodeEnum::CoalesceExpr(n) => out.extend(&mut n.args),
        NodeEnum::MinMaxExpr(n) => out.extend(&mut n.args),
        NodeEnum::RowExpr(n) => out.extend(&mut n.args),
        NodeEnum::AArrayExpr(n) => out.extend(&mut n.elements),
        NodeEnum::AIndirection(n) => {
            out.extend(n.arg.as_deref_mut());
            out.extend(&mut n.indirection);
        }
        NodeEnum::AIndices(n) => {
            out.extend(n.lidx.as_deref_mut());
            out.extend(n.uidx.as_deref_mut());
        }
        NodeEnum::CollateClause(n) => out.extend(n.arg.as_deref_mut()),
        NodeEnum::NamedArgExpr(n) => out.extend(n.arg.as_deref_mut()),
        NodeEnum::CaseExpr(n) => {
            out.extend(n.arg.as_deref_mut());
            out.extend(&mut n.args);
            out.extend(n.defresult.as_deref_mut());
        }
        NodeEnum::CaseWhen(n) => {
            out.extend(n.expr.as_deref_mut());
            out.extend(n.result.as_deref_mut());
        }
        NodeEnum::FuncCall(n) => {
            out.extend(&mut n.args);
            out.extend(&mut n.agg_order);
            out.extend(n.agg_filter.as_deref_mut());
            if let Some(over) = n.over.as_deref_mut() {
                window(over, &mut out);
            }
        }
        NodeEnum::WindowDef(n) => window(n, &mut out),
        NodeEnum::SubLink(n) => {
            out.extend(n.testexpr.as_deref_mut());
            out.extend(n.subselect.as_deref_mut());
        }
        NodeEnum::ResTarget(n) => {
            out.extend(n.val.as_deref_mut());
            out.extend(&mut n.indirection);
        }
        NodeEnum::SortBy(n) => out.extend(n.node.as_deref_mut()),
        NodeEnum::GroupingSet(n) => out.extend(&mut n.content),
        NodeEnum::JoinExpr(n) => {
            out.extend(n.larg.as_deref_mut());
            out.extend(n.rarg.as_deref_mut());
            out.extend(n.quals.as_deref_mut());
        }
        NodeEnum::RangeSubselect(n) => out.extend(n.subquery.as_deref_mut()),
        NodeEnum::RangeFunction(n) => out.extend(&mut n.functions),
        NodeEnum::CommonTableExpr(n) => out.extend(n.ctequery.as_deref_mut()),
        _ => {}
    }
    out
}

fn window<'a>(n: &'a mut WindowDef, out: &mut Vec<&'a mut Node>) {
    out.extend(&mut n.partition_clause);
    out.extend(&mut n.order_clause);
    out.extend(n.start_offset.as_deref_mut());
    out.extend(n.end_offset.as_deref_mut());
}

fn select<'a>(n: &'a mut SelectStmt, out: &mut Vec<&'a mut Node>) {
    for list in [
        &mut n.distinct_clause,
        &mut n.target_list,
        &mut n.from_clause,
        &mut n.group_clause,
        &mut n.window_clause,
        &mut n.values_lists,
        &mut n.sort_clause,
    ] {
        out.extend(list);
    }
    for one in [&mut n.where_clause, &mut n.having_clause, &mut n.limit_offset, &mut n.limit_count] {
        out.extend(one.as_deref_mut());
    }
    if let Some(with) = &mut n.with_clause {
        out.extend(&mut with.ctes);
    }
    for side in [&mut n.larg, &mut n.rarg] {
        if let Some(side) = side.as_deref_mut() {
            select(side, out);
        }
    }
}
