//! Rule: a comment stays with its object.
//! Never describes anything itself.

use pg_query::NodeEnum;
use pg_query::protobuf::{ObjectType, ObjectWithArgs};

use super::draft::Draft;
use super::vocabulary::Vocabulary;
use crate::error::Result;
use crate::schema::statement::Kind;

pub fn run(draft: &mut Draft<'_>) -> Result<()> {
    let words = Vocabulary::of(draft)?;
    for (object, mut comment) in std::mem::take(&mut draft.comments) {
        let kind = match comment.objtype() {
            ObjectType::ObjectTable | ObjectType::ObjectColumn => Some(Kind::Table),
            ObjectType::ObjectView | ObjectType::ObjectMatview => Some(Kind::View),
            ObjectType::ObjectIndex => Some(Kind::Index),
            ObjectType::ObjectSequence => Some(Kind::Sequence),
            ObjectType::ObjectFunction => Some(Kind::Function),
            ObjectType::ObjectTabconstraint => Some(Kind::Check),
            ObjectType::ObjectDomain => Some(Kind::Domain),
            ObjectType::ObjectSchema => Some(Kind::Schema),
            ObjectType::ObjectStatisticExt => Some(Kind::Statistics),
            ObjectType::ObjectType => Some(Kind::Enum),
            _ => None,
        };
        let parent = object.rsplit_once('.').map(|(parent, _)| parent.to_owned()).unwrap_or_default();
        let parent_gone =
            comment.objtype() == ObjectType::ObjectColumn && (draft.is_gone(Kind::Table, &parent) || draft.is_gone(Kind::View, &parent));
        if parent_gone || kind.is_none_or(|kind| draft.is_gone(kind, &object)) {
            draft.say("DSQL-COMMENT", &object, format!("its comment is left out: {:?}", comment.comment), &[])?;
            continue;
        }
        if comment.objtype() == ObjectType::ObjectMatview {
            comment.set_objtype(ObjectType::ObjectView);
        }
        if let Some(NodeEnum::ObjectWithArgs(function)) = comment.object.as_mut().and_then(|object| object.node.as_mut()) {
            arguments(&words, function);
        }
        draft.comments.push((object, comment));
    }
    Ok(())
}

/// A function is named by its arguments' types, which may have changed.
fn arguments(words: &Vocabulary, function: &mut ObjectWithArgs) {
    for node in function.objargs.iter_mut().chain(&mut function.objfuncargs) {
        let named = match &mut node.node {
            Some(NodeEnum::TypeName(named)) => named,
            Some(NodeEnum::FunctionParameter(parameter)) => match &mut parameter.arg_type {
                Some(named) => named,
                None => continue,
            },
            _ => continue,
        };
        if let Some(to) = words.type_for(named) {
            *named = to;
        }
    }
}
