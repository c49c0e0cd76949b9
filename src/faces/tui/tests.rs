//! What a person sees and what a key does, screen by screen.

mod keys;
mod screens;
mod speed;

use super::{Model, Press, Reply, Theme};
use crate::wizard::keys::Key;
use crate::wizard::view::{Event, View};

/// A model that has been given this view.
fn model(view: View) -> Model {
    let mut model = Model::new(Theme::PLAIN);
    model.on_event(Event::View(Box::new(view)), 0);
    model
}

fn key(model: &mut Model, key: Key) -> Vec<Reply> {
    model.on_key(Press::Key(key), 1_000)
}

fn letters(model: &mut Model, text: &str) {
    for c in text.chars() {
        assert_eq!(key(model, Key::Char(c)), []);
    }
}
