use comfy_table::{Attribute, Cell, Color, ContentArrangement, Table};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::Style;

/// The space between two columns.
const GAP: usize = 2;
const PADDING: u16 = 2;
/// The minimum width of the name column; a narrower terminal gets a list instead of a table.
const MIN_NAME_WIDTH: usize = 20;

/// The headings and the order of the name and ID columns.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Form {
    /// A name in the first column, an ID in the last.
    Named,
    /// An agent in the first column, an ID in the last.
    Agents,
    /// A short key, followed by a title.
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

    /// Returns the columns of a line in order.
    fn line<T>(self, name: T, cells: impl Iterator<Item = T>, id: T) -> Vec<T> {
        match self {
            Self::Named | Self::Agents => std::iter::once(name).chain(cells).chain([id]).collect(),
            Self::Keyed => [id, name].into_iter().chain(cells).collect(),
        }
    }
}

/// An item of a listing. Cells must not contain color escapes, which would count as width.
pub(crate) struct Row {
    pub(crate) name: String,
    /// The cells, one for each title.
    pub(crate) cells: Vec<String>,
    /// The line that replaces the cells in a list.
    pub(crate) summary: String,
    pub(crate) id: String,
    /// Whether the item is expired, revoked or resolved; such items are dimmed.
    pub(crate) inactive: bool,
}

/// Formats items with a name, some properties (`titles`) and an ID: as a table if the terminal is
/// wide enough, otherwise as a list with a few lines per item. IDs are never truncated, because
/// users copy them. Every line ends with a line break.
pub(crate) fn listing<'a, T: 'a>(
    form: Form,
    titles: &[&str],
    items: impl IntoIterator<Item = &'a T>,
    style: &Style,
    row: impl Fn(&'a T, &Style) -> Row,
) -> String {
    // Color escapes in a cell would count as width.
    let colorless = Style {
        color: false,
        ..*style
    };
    let rows = items.into_iter().map(|item| row(item, &colorless));
    let rows: Vec<Row> = rows.collect();
    let widest = |cell: &dyn Fn(&Row) -> usize| rows.iter().map(cell).max().unwrap_or(0);
    let ids = widest(&|row| row.id.width()).max(form.id().len());
    let names = widest(&|row| row.name.width()).max(form.name().len());
    let others: usize = (0..titles.len())
        .map(|at| widest(&|row| row.cells[at].width()).max(titles[at].len()) + GAP)
        .sum();
    match style.width.checked_sub(others + ids + GAP) {
        Some(left) if left >= names.min(MIN_NAME_WIDTH) => {
            form.table(titles, &rows, names.min(left), style)
        }
        _ => form.list(&rows, style),
    }
}

impl Form {
    fn table(self, titles: &[&str], rows: &[Row], name_width: usize, style: &Style) -> String {
        let mut table = Table::new();
        table
            .load_style(comfy_table::presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled);
        if style.color {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        let titles = self.line(self.name(), titles.iter().copied(), self.id());
        table.set_header(
            titles
                .into_iter()
                .map(|title| Cell::new(title.to_uppercase()).add_attribute(Attribute::Dim)),
        );
        for row in rows {
            let name = Cell::new(truncate(&row.name, name_width)).add_attribute(Attribute::Bold);
            let cells = row.cells.iter().map(Cell::new);
            let cells = self.line(name, cells, Cell::new(&row.id));
            table.add_row(cells.into_iter().map(|cell| {
                if row.inactive {
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

    fn list(self, rows: &[Row], style: &Style) -> String {
        let head = |text: &str, inactive| {
            if inactive {
                style.dim(text)
            } else {
                style.bold(text)
            }
        };
        let rows = rows.iter().map(|row| match self {
            Form::Named | Form::Agents => {
                let name = head(&truncate(&row.name, style.width), row.inactive);
                format!("{name}\n  {}\n  {}\n", row.summary, style.dim(&row.id))
            }
            Form::Keyed => {
                let left = style.width.saturating_sub(row.id.width() + GAP);
                let text = format!("{}  {}", row.id, truncate(&row.name, left));
                format!("{}\n  {}\n", head(&text, row.inactive), row.summary)
            }
        });
        rows.collect::<Vec<_>>().join("\n")
    }
}

/// Truncates text to a number of terminal columns, with `…` at the end if anything was removed.
fn truncate(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut used = 0;
    let mut truncated: String = text
        .chars()
        .take_while(|c| {
            used += c.width().unwrap_or(0);
            used < width
        })
        .collect();
    truncated.push('…');
    truncated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn truncation_counts_columns_instead_of_characters() {
        assert_eq!(truncate("deploy", 6), "deploy");
        assert_eq!(truncate("deploy", 5), "depl…");
        assert_eq!(truncate("界界界", 5), "界界…");
        assert_eq!(truncate("界界界", 4), "界…");
        assert_eq!(truncate("abc", 0), "…");
    }
}
