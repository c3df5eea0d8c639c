//! The built-in scenarios: files like a person's own, in the order of their slides.
use std::sync::OnceLock;

use super::scenario::Scenario;

macro_rules! files {
    ($($name:literal),+ $(,)?) => {
        const FILES: &[(&str, &str)] = &[$(($name, include_str!(concat!("library/", $name, ".toml"))),)+];
    };
}

files! {
    "request-reply",
    "acknowledge-each",
    "reply-acknowledges",
    "alive",
    "lost-reply",
}

/// All of them.
///
/// # Panics
///
/// If one is wrong, which a test rules out.
pub fn all() -> &'static [Scenario] {
    static ALL: OnceLock<Vec<Scenario>> = OnceLock::new();
    ALL.get_or_init(|| {
        let parse = |(name, source): &(&str, &str)| match Scenario::parse(source, &format!("{name}.toml")) {
            Ok(scenario) => scenario,
            Err(problems) => panic!("a built-in scenario is wrong: {problems}"),
        };
        FILES.iter().map(parse).collect()
    })
}

/// The one of this name.
pub fn find(name: &str) -> Option<&'static Scenario> {
    all().iter().find(|scenario| scenario.name == name)
}

/// Those that belong to a slide.
pub fn of_slide(slide: u32) -> Vec<&'static Scenario> {
    all().iter().filter(|scenario| scenario.slides.contains(&slide)).collect()
}
