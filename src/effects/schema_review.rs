//! A conversion as the wizard's gate shows it closely: choices, findings by table, both sides.
//! Never judges: weights and words are the conversion's.

use std::collections::BTreeMap;

use crate::schema::{self, Conversion, Severity, Side};
use crate::wizard::review::{Choice, Choosable, Found, Object, Review, Weight};

/// All of it in one view.
pub fn review(conversion: &Conversion) -> Review {
    let sides = schema::sides(conversion);
    let place: BTreeMap<&str, &Side> = sides.iter().map(|side| (side.object.as_str(), side)).collect();
    let objects = schema::by_object(&sides, &conversion.findings).into_iter().map(|(name, findings)| {
        let Side { before, after, .. } = place.get(name.as_str()).map(|side| (*side).clone()).unwrap_or_default();
        Object { name, findings: findings.into_iter().map(found).collect(), before, after, ..Object::default() }
    });
    Review { choices: conversion.choices.iter().map(choice).collect(), objects: objects.collect(), ..Review::default() }
}

fn found(finding: &schema::Finding) -> Found {
    Found {
        weight: match finding.severity {
            Severity::Blocks => Weight::Blocks,
            Severity::Changes => Weight::Changes,
            Severity::Info => Weight::Info,
        },
        id: finding.id.clone(),
        what: format!("{}: {}", finding.object, finding.what),
        then: finding.app_must.clone(),
        measured: finding.evidence.as_ref().map(schema::Evidence::lines).unwrap_or_default(),
        ..Found::default()
    }
}

fn choice(choice: &schema::Choice) -> Choice {
    let option = |option: &schema::OptionFact| Choosable {
        value: option.value.clone(),
        label: option.label.clone(),
        effect: option.effect.clone(),
        recommended: option.value == choice.fact.recommended,
    };
    Choice {
        id: choice.fact.id.clone(),
        question: choice.fact.question.clone(),
        chosen: choice.chosen.clone(),
        options: choice.fact.options.iter().map(option).collect(),
        objects: choice.objects.clone(),
        asked: false,
    }
}
