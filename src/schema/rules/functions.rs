//! Rule: functions in a language that the target has are kept, with its types; others go.
//! Never translates a procedural body.

use std::collections::BTreeSet;

use pg_query::NodeEnum;
use pg_query::protobuf::CreateFunctionStmt;

use super::draft::Draft;
use super::vocabulary::Vocabulary;
use crate::error::Result;
use crate::schema::names;
use crate::schema::statement::Kind;
use crate::schema::tree;

pub fn run(draft: &mut Draft<'_>) -> Result<()> {
    for (name, function) in std::mem::take(&mut draft.functions) {
        let language = tree::language(&function);
        if draft.capabilities.functions.languages.contains(&language) {
            draft.functions.push((name, function));
        } else {
            let id = draft.capabilities.functions.finding.clone();
            draft.drop(Kind::Function, &id, &name, format!("function {name} in {language} is left out"), &name)?;
        }
    }
    // One that cannot stay takes those that call it along.
    loop {
        let words = Vocabulary::of(draft)?;
        let before = draft.functions.len();
        for (name, mut function) in std::mem::take(&mut draft.functions) {
            let obstacle = convert(&words, &mut function);
            let twin = draft.functions.iter().any(|(other, twin)| *other == name && arguments(twin) == arguments(&function));
            match obstacle.or_else(|| twin.then(|| "another function has the same arguments, now that both take text".to_owned())) {
                None => draft.functions.push((name, function)),
                Some(obstacle) => {
                    draft.drop(Kind::Function, "DSQL-FUNCTION-BODY", &name, format!("function {name} is left out"), &obstacle)?
                }
            }
        }
        if draft.functions.len() == before {
            return sorted(draft, &words);
        }
    }
}

/// Says which functions sort or group otherwise now.
fn sorted(draft: &mut Draft<'_>, words: &Vocabulary) -> Result<()> {
    for (name, mut function) in draft.functions.clone() {
        let mut queries: Vec<pg_query::Node> = function.sql_body.take().map(|body| *body).into_iter().collect();
        if let Some(NodeEnum::String(text)) = body(&mut function).and_then(|text| text.node.as_ref())
            && let Ok(parsed) = pg_query::parse(&text.sval, 0)
        {
            queries.extend(parsed.protobuf.stmts.into_iter().filter_map(|raw| raw.stmt).map(|statement| *statement));
        }
        for query in queries {
            super::order::said(draft, words, &name, &query, &tree::relations(&query))?;
        }
    }
    Ok(())
}

/// Rewrites a function in place; gives what stands in the way.
fn convert(words: &Vocabulary, function: &mut CreateFunctionStmt) -> Option<String> {
    function.replace = true;
    if let Some(to) = function.return_type.as_ref().and_then(|old| words.type_for(old)) {
        function.return_type = Some(to);
    }
    for parameter in &mut function.parameters {
        if let Some(NodeEnum::FunctionParameter(parameter)) = &mut parameter.node {
            if let Some(to) = parameter.arg_type.as_ref().and_then(|old| words.type_for(old)) {
                parameter.arg_type = Some(to);
            }
            if let Some(default) = parameter.defexpr.as_deref_mut() {
                words.rewrite(default);
            }
        }
    }
    if let Some(body) = function.sql_body.as_deref_mut() {
        words.rewrite(body);
        let tables = tree::relations(body);
        return words.obstacle(body, &tables);
    }
    let text = body(function)?;
    let items = match text.node.as_mut()? {
        NodeEnum::String(string) => string,
        _ => return None,
    };
    let Ok(parsed) = pg_query::parse(&items.sval, 0) else { return None };
    let mut obstacle = None;
    let mut printed = Vec::new();
    let mut changed = false;
    for raw in parsed.protobuf.stmts {
        let Some(mut node) = raw.stmt.map(|stmt| *stmt) else { continue };
        let before = node.clone();
        words.rewrite(&mut node);
        changed = changed || before != node;
        let tables = tree::relations(&node);
        obstacle = obstacle.or_else(|| words.obstacle(&mut node, &tables));
        printed.extend(node.node.and_then(|node| tree::sql(node).ok()));
    }
    if changed {
        items.sval = printed.join(";\n");
    }
    obstacle
}

/// The types of a function's arguments, which with its name make it unique.
fn arguments(function: &CreateFunctionStmt) -> Vec<String> {
    use pg_query::protobuf::FunctionParameterMode as Mode;
    let parameter = |node: &pg_query::Node| match &node.node {
        Some(NodeEnum::FunctionParameter(found)) if !matches!(found.mode(), Mode::FuncParamOut | Mode::FuncParamTable) => {
            found.arg_type.as_ref().and_then(|named| tree::type_sql(named).ok())
        }
        _ => None,
    };
    function.parameters.iter().filter_map(parameter).collect()
}

/// The string that holds the body.
fn body(function: &mut CreateFunctionStmt) -> Option<&mut pg_query::Node> {
    function.options.iter_mut().find_map(|option| match &mut option.node {
        Some(NodeEnum::DefElem(element)) if element.defname == "as" => match element.arg.as_deref_mut()?.node.as_mut()? {
            NodeEnum::List(list) => list.items.first_mut(),
            _ => None,
        },
        _ => None,
    })
}

/// The functions that tables, their indexes or domains call: they must be there first.
pub fn called_by_tables(draft: &mut Draft<'_>) -> BTreeSet<String> {
    let mut called = BTreeSet::new();
    let mut expression = |node: &mut pg_query::Node| {
        tree::any_in(node, &mut |node| {
            if let Some(NodeEnum::FuncCall(call)) = &node.node {
                called.insert(names::parts(&call.funcname).join("."));
            }
            false
        });
    };
    let mut of_constraints = |nodes: &mut [pg_query::Node]| {
        for node in nodes {
            if let Some(NodeEnum::Constraint(constraint)) = &mut node.node {
                constraint.raw_expr.as_deref_mut().into_iter().for_each(&mut expression);
            }
        }
    };
    for table in &mut draft.tables {
        of_constraints(&mut table.create.table_elts);
        for node in &mut table.create.table_elts {
            if let Some(NodeEnum::ColumnDef(column)) = &mut node.node {
                of_constraints(&mut column.constraints);
            }
        }
    }
    draft.domains.iter_mut().for_each(|(_, domain)| of_constraints(&mut domain.constraints));
    for (_, index) in &mut draft.indexes {
        let columns = index.index_params.iter_mut().filter_map(|node| match &mut node.node {
            Some(NodeEnum::IndexElem(element)) => element.expr.as_deref_mut(),
            _ => None,
        });
        columns.chain(index.where_clause.as_deref_mut()).for_each(&mut expression);
    }
    called
}

/// Whether the function's text names one of the views, so that it must come after them.
pub fn names_one(function: &str, views: &BTreeSet<String>) -> bool {
    let words = function.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '$' | '.' | '"')));
    words.map(|word| word.replace('"', "")).any(|word| views.contains(word.trim_matches('.')))
}
