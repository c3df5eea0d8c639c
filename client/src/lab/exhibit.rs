//! What is shown besides the ladder.
use super::scenario::Exhibit;
use super::stage::Run;

/// The exhibits of a run's scenario, each a text of lines not longer than `width`.
pub fn exhibit(run: &Run, width: usize) -> Vec<String> {
    run.scenario
        .exhibits
        .iter()
        .map(|exhibit| match exhibit {
            Exhibit::Layers => layers(run, width),
            Exhibit::Cells => cells(run, width),
            Exhibit::Timers => timers(width),
        })
        .collect()
}

fn layers(_run: &Run, _width: usize) -> String {
    String::new()
}

fn cells(_run: &Run, _width: usize) -> String {
    String::new()
}

fn timers(_width: usize) -> String {
    String::new()
}
