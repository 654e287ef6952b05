use comfy_table::{Attribute, Cell, Color, ContentArrangement, Table};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::Style;

/// Between two columns.
const GAP: usize = 2;
const PADDING: u16 = 2;
/// The least that a name is cut to before the table gives way to a list.
const LEAST_NAME_WIDTH: usize = 20;

/// Things with a name, some properties and an id: as a table where the terminal is wide enough,
/// as a list of a few lines each where it is not. An id is never cut, since it is copied.
pub(crate) struct Listing {
    pub(crate) form: Form,
    /// What stands above the columns between the name and the id.
    pub(crate) titles: Vec<&'static str>,
    pub(crate) rows: Vec<Row>,
}

/// What the first and the last column are called, and which of them is first.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Form {
    /// By what somebody called them; the id is at the end.
    Named,
    /// By the agent that works.
    Agents,
    /// By a short key, the title behind it.
    Keyed,
}

impl Form {
    const fn name(self) -> &'static str {
        match self {
            Self::Named => "name",
            Self::Agents => "agent",
            Self::Keyed => "title",
        }
    }

    const fn id(self) -> &'static str {
        match self {
            Self::Named | Self::Agents => "id",
            Self::Keyed => "key",
        }
    }

    /// The columns of one line.
    fn line<T>(self, name: T, cells: impl Iterator<Item = T>, id: T) -> Vec<T> {
        match self {
            Self::Named | Self::Agents => std::iter::once(name).chain(cells).chain([id]).collect(),
            Self::Keyed => [id, name].into_iter().chain(cells).collect(),
        }
    }
}

/// One of them. Nothing here may hold colour: it would count as width.
pub(crate) struct Row {
    pub(crate) name: String,
    /// One for each title.
    pub(crate) cells: Vec<String>,
    /// The same in words, for the list.
    pub(crate) words: String,
    pub(crate) id: String,
    /// It is spent, and stands back.
    pub(crate) spent: bool,
}

impl Listing {
    /// The listing for a terminal of that width, every line ended.
    pub(crate) fn render(&self, style: &Style) -> String {
        let widest = |cell: &dyn Fn(&Row) -> usize| self.rows.iter().map(cell).max().unwrap_or(0);
        let ids = widest(&|row| row.id.width()).max(self.form.id().len());
        let names = widest(&|row| row.name.width()).max(self.form.name().len());
        let others: usize = (0..self.titles.len())
            .map(|at| widest(&|row| row.cells[at].width()).max(self.titles[at].len()) + GAP)
            .sum();
        match style.width.checked_sub(others + ids + GAP) {
            Some(left) if left >= names.min(LEAST_NAME_WIDTH) => self.table(names.min(left), style),
            _ => self.list(style),
        }
    }

    fn table(&self, name_width: usize, style: &Style) -> String {
        let mut table = Table::new();
        table
            .load_style(comfy_table::presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled);
        if style.color {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        let titles = self.titles.iter().copied();
        let titles = self.form.line(self.form.name(), titles, self.form.id());
        table.set_header(
            titles
                .into_iter()
                .map(|title| Cell::new(title.to_uppercase()).add_attribute(Attribute::Dim)),
        );
        for row in &self.rows {
            let name = Cell::new(cut(&row.name, name_width)).add_attribute(Attribute::Bold);
            let cells = row.cells.iter().map(Cell::new);
            let cells = self.form.line(name, cells, Cell::new(&row.id));
            table.add_row(cells.into_iter().map(|cell| {
                if row.spent {
                    cell.fg(Color::DarkGrey)
                } else {
                    cell
                }
            }));
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, PADDING));
        }
        table
            .lines()
            .map(|line| format!("{}\n", line.trim_end()))
            .collect::<Vec<_>>()
            .concat()
    }

    fn list(&self, style: &Style) -> String {
        let head = |text: &str, spent| {
            if spent {
                style.dim(text)
            } else {
                style.bold(text)
            }
        };
        let rows = self.rows.iter().map(|row| match self.form {
            Form::Named | Form::Agents => {
                let name = head(&cut(&row.name, style.width), row.spent);
                format!("{name}\n  {}\n  {}\n", row.words, style.dim(&row.id))
            }
            Form::Keyed => {
                let left = style.width.saturating_sub(row.id.width() + GAP);
                let text = format!("{}  {}", row.id, cut(&row.name, left));
                format!("{}\n  {}\n", head(&text, row.spent), row.words)
            }
        });
        rows.collect::<Vec<_>>().join("\n")
    }
}

/// At most so many columns of the terminal, with `…` where something is left out.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut taken = 0;
    let mut kept: String = text
        .chars()
        .take_while(|c| {
            taken += c.width().unwrap_or(0);
            taken < width
        })
        .collect();
    kept.push('…');
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cutting_counts_columns_and_not_characters() {
        assert_eq!(cut("deploy", 6), "deploy");
        assert_eq!(cut("deploy", 5), "depl…");
        assert_eq!(cut("界界界", 5), "界界…");
        assert_eq!(cut("界界界", 4), "界…");
        assert_eq!(cut("abc", 0), "…");
    }
}
