//! One line of the drawing as cells, and how cells become text.
use anstyle::{AnsiColor, Style as Ansi};
use sendrec_core::wire::PacketType;

/// What a cell means, and so its colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tone {
    #[default]
    Plain,
    /// Life lines, times: there, but not in the way.
    Faint,
    /// Names.
    Strong,
    /// A packet, by its type.
    Packet(PacketType),
    /// What died, and what went wrong.
    Bad,
    /// The operation runs.
    Run,
}

impl Tone {
    fn ansi(self) -> Ansi {
        let colour = |colour: AnsiColor| colour.on_default();
        match self {
            Self::Plain => Ansi::new(),
            Self::Faint => Ansi::new().dimmed(),
            Self::Strong => Ansi::new().bold(),
            Self::Bad => colour(AnsiColor::Red).bold(),
            Self::Run => colour(AnsiColor::Green).bold(),
            Self::Packet(kind) => colour(match kind {
                PacketType::Req => AnsiColor::Cyan,
                PacketType::Rep => AnsiColor::Green,
                PacketType::Ack => AnsiColor::Blue,
                PacketType::Aya | PacketType::Iaa => AnsiColor::Magenta,
                PacketType::Ta | PacketType::Au => AnsiColor::Yellow,
                PacketType::Locate | PacketType::Here => AnsiColor::BrightCyan,
            }),
        }
    }
}

/// The characters that lines are made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Glyphs {
    pub(crate) life: char,
    /// The line of a machine without a trace.
    pub(crate) shade: char,
    pub(crate) shaft: char,
    pub(crate) right: char,
    pub(crate) left: char,
    /// Where an arrow leaves its line to the right, to the left.
    pub(crate) out_right: char,
    pub(crate) out_left: char,
    pub(crate) cross: char,
    pub(crate) dead: char,
    /// Where the network made a copy, that goes to the right; to the left.
    pub(crate) copy: [char; 2],
    /// From the shaft down and down to the shaft, of an arrow to the right; of one to the left.
    pub(crate) turns_right: [char; 2],
    pub(crate) turns_left: [char; 2],
    pub(crate) track: char,
    /// Something happened on this line: it stands at the side.
    pub(crate) dot: char,
    /// Here a machine crashed.
    pub(crate) crash: char,
    /// The line of a machine that is down.
    pub(crate) down: char,
    pub(crate) ellipsis: char,
}

const UNICODE: Glyphs = Glyphs {
    life: '│',
    shade: '┊',
    shaft: '─',
    right: '►',
    left: '◄',
    out_right: '├',
    out_left: '┤',
    cross: '┼',
    dead: '╳',
    copy: ['╶', '╴'],
    turns_right: ['╮', '╰'],
    turns_left: ['╭', '╯'],
    track: '╎',
    dot: '●',
    crash: '×',
    down: '·',
    ellipsis: '…',
};

const ASCII: Glyphs = Glyphs {
    life: '|',
    shade: ':',
    shaft: '-',
    right: '>',
    left: '<',
    out_right: '+',
    out_left: '+',
    cross: '+',
    dead: 'X',
    copy: ['.', '.'],
    turns_right: ['\\', '\\'],
    turns_left: ['/', '/'],
    track: '!',
    dot: '*',
    crash: 'x',
    down: '.',
    ellipsis: '~',
};

/// With what is drawn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pen {
    pub(crate) colour: bool,
    pub(crate) ascii: bool,
    pub(crate) width: usize,
}

impl Pen {
    pub(crate) const fn glyphs(&self) -> Glyphs {
        if self.ascii { ASCII } else { UNICODE }
    }

    /// Text of others, made safe for a terminal: one cell for each character, and no control characters.
    pub(crate) fn clean(&self, text: &str) -> String {
        let wide = |c: char| !self.ascii && ('\u{a1}'..='\u{24f}').contains(&c) && c != '\u{ad}';
        text.chars().map(|c| if (' '..='~').contains(&c) || wide(c) { c } else { '?' }).collect()
    }

    /// The text, or its beginning with a sign that it goes on.
    pub(crate) fn fit(&self, text: &str, width: usize) -> String {
        if text.chars().count() <= width {
            return text.to_owned();
        }
        let mut short: String = text.chars().take(width.saturating_sub(1)).collect();
        if width > 0 {
            short.push(self.glyphs().ellipsis);
        }
        short
    }

    /// A line of words alone.
    pub(crate) fn line(&self, text: &str) -> String {
        let mut canvas = Canvas::new(self.width);
        canvas.put(1, &self.fit(text, self.width - 1), Tone::Faint);
        canvas.text(self)
    }
}

/// One line of cells. What does not fit is not drawn.
#[derive(Clone, Debug)]
pub(crate) struct Canvas {
    cells: Vec<(char, Tone)>,
}

impl Canvas {
    pub(crate) fn new(width: usize) -> Self {
        Self { cells: vec![(' ', Tone::Plain); width] }
    }

    pub(crate) fn set(&mut self, x: usize, character: char, tone: Tone) {
        if let Some(cell) = self.cells.get_mut(x) {
            *cell = (character, tone);
        }
    }

    pub(crate) fn get(&self, x: usize) -> char {
        self.cells.get(x).map_or(' ', |cell| cell.0)
    }

    pub(crate) fn put(&mut self, x: usize, text: &str, tone: Tone) {
        for (offset, character) in text.chars().enumerate() {
            self.set(x + offset, character, tone);
        }
    }

    pub(crate) fn text(&self, pen: &Pen) -> String {
        let used = self.cells.iter().rposition(|cell| cell.0 != ' ').map_or(0, |last| last + 1);
        let mut text = String::new();
        for run in self.cells[..used].chunk_by(|a, b| a.1 == b.1) {
            let ansi = if pen.colour { run[0].1.ansi() } else { Ansi::new() };
            text.push_str(&ansi.render().to_string());
            text.extend(run.iter().map(|cell| cell.0));
            text.push_str(&ansi.render_reset().to_string());
        }
        text
    }
}

/// Breaks text into lines of at most `width`, between words where that is possible.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let mut word: Vec<char> = word.chars().collect();
        let length = line.chars().count();
        if length > 0 && length + 1 + word.len() > width {
            lines.push(std::mem::take(&mut line));
        } else if length > 0 {
            line.push(' ');
        }
        while line.chars().count() + word.len() > width {
            let rest = word.split_off(width - line.chars().count());
            line.extend(word);
            lines.push(std::mem::take(&mut line));
            word = rest;
        }
        line.extend(word);
    }
    lines.push(line);
    lines
}
