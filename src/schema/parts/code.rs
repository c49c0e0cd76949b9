//! The forms of views and functions.
//! Never runs or understands a query: see [`crate::schema::plain`].

use std::collections::BTreeMap;

use pg_query::protobuf::{CreateFunctionStmt, FunctionParameterMode as Mode, ViewStmt};
use pg_query::{Node, NodeEnum};

use crate::error::Result;
use crate::schema::{names, plain, tree};

pub fn view_form(mut view: ViewStmt) -> Result<String> {
    let aliases = names::parts(&view.aliases);
    if let Some(NodeEnum::SelectStmt(select)) = view.query.as_mut().and_then(|query| query.node.as_mut()) {
        for (node, alias) in select.target_list.iter_mut().zip(aliases) {
            if let Some(NodeEnum::ResTarget(target)) = &mut node.node {
                target.name = alias;
            }
        }
    }
    let mut options: Vec<String> = view.options.iter().filter_map(option).collect();
    match view.with_check_option {
        2 => options.push("check_option=local".to_owned()),
        3 => options.push("check_option=cascaded".to_owned()),
        _ => {}
    }
    options.sort();
    let query = view.query.as_deref().map(plain::query).transpose()?.unwrap_or_default();
    Ok(format!("{query} {}", options.join(", ")).trim_end().to_owned())
}

/// `security_invoker=true`.
fn option(node: &Node) -> Option<String> {
    let Some(NodeEnum::DefElem(element)) = &node.node else { return None };
    let value = element.arg.as_deref().and_then(|arg| match &arg.node {
        Some(NodeEnum::String(text)) => Some(text.sval.clone()),
        Some(NodeEnum::Integer(number)) => Some(number.ival.to_string()),
        Some(NodeEnum::TypeName(name)) => names::parts(&name.names).pop(),
        _ => None,
    });
    Some(format!("{}={}", element.defname, value.unwrap_or_else(|| "true".to_owned())))
}

fn parameters(function: &CreateFunctionStmt) -> impl Iterator<Item = &pg_query::protobuf::FunctionParameter> {
    function.parameters.iter().filter_map(|node| match &node.node {
        Some(NodeEnum::FunctionParameter(parameter)) => Some(parameter.as_ref()),
        _ => None,
    })
}

/// The types that with its name make a function unique.
pub fn arguments(function: &CreateFunctionStmt) -> Result<Vec<String>> {
    let taken = parameters(function).filter(|found| !matches!(found.mode(), Mode::FuncParamOut | Mode::FuncParamTable));
    taken.filter_map(|found| found.arg_type.as_ref()).map(tree::type_sql).collect()
}

pub fn function_form(function: &CreateFunctionStmt) -> Result<String> {
    let mut said = Vec::new();
    for parameter in parameters(function) {
        let type_name = parameter.arg_type.as_ref().map(tree::type_sql).transpose()?.unwrap_or_default();
        let default = parameter.defexpr.as_deref().map(plain::expression).transpose()?;
        let mode = match parameter.mode() {
            Mode::FuncParamOut => "out",
            Mode::FuncParamInout => "inout",
            Mode::FuncParamTable => "table",
            Mode::FuncParamVariadic => "variadic",
            _ => "in",
        };
        said.push(format!("{mode} {} {type_name}{}", parameter.name, default.map(|d| format!(" = {d}")).unwrap_or_default()));
    }
    let returned = function.return_type.as_ref();
    let several = if returned.is_some_and(|named| named.setof) { "setof " } else { "" };
    let returned = returned.map(tree::type_sql).transpose()?.unwrap_or_default();
    said.push(format!("returns {several}{}", returned.trim_start_matches("SETOF ")));
    let mut options = BTreeMap::new();
    let mut text = String::new();
    for node in &function.options {
        let Some(NodeEnum::DefElem(element)) = &node.node else { continue };
        match (element.defname.as_str(), element.arg.as_deref().and_then(|arg| arg.node.as_ref())) {
            ("as", Some(NodeEnum::List(list))) => text = names::parts(&list.items).join("\n"),
            ("language", _) => _ = options.insert("language".to_owned(), tree::language(function)),
            (name, Some(NodeEnum::Boolean(flag))) => _ = options.insert(name.to_owned(), flag.boolval.to_string()),
            (name, Some(NodeEnum::String(value))) => _ = options.insert(name.to_owned(), value.sval.clone()),
            (name, _) => _ = options.insert(name.to_owned(), String::new()),
        }
    }
    options.entry("language".to_owned()).or_insert_with(|| "sql".to_owned());
    // What holds when nothing is said.
    for (name, usual) in
        [("volatility", "volatile"), ("strict", "false"), ("security", "false"), ("leakproof", "false"), ("parallel", "unsafe")]
    {
        if options.get(name).is_some_and(|value| value == usual) {
            options.remove(name);
        }
    }
    said.extend(options.into_iter().map(|(name, value)| format!("{name} {value}")));
    said.push(match function.sql_body.as_deref() {
        Some(body) => plain::query(body)?,
        None => body_form(&text)?,
    });
    Ok(said.join("\n"))
}

/// The text of a function, statement by statement where it is SQL.
fn body_form(text: &str) -> Result<String> {
    let Ok(parsed) = pg_query::parse(text, 0) else { return Ok(text.split_whitespace().collect::<Vec<_>>().join(" ")) };
    let statements = parsed.protobuf.stmts.into_iter().filter_map(|raw| raw.stmt);
    Ok(statements.map(|statement| plain::query(&statement)).collect::<Result<Vec<_>>>()?.join("; "))
}
