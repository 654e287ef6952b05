use super::Style;

/// Formats one label and value per line, with aligned values:
///
/// ```text
///   kind     personal
///   expires  never
/// ```
pub(crate) fn fields(fields: &[(&str, String)], style: &Style) -> String {
    let width = widest(fields.iter().map(|(label, _)| *label));
    let lines = fields.iter().map(|(label, value)| {
        let label = style.dim(&format!("{label:width$}"));
        format!("  {label}  {value}\n")
    });
    lines.collect()
}

/// Returns the width of a column with these texts.
pub(crate) fn widest<'a>(texts: impl Iterator<Item = &'a str>) -> usize {
    texts.map(str::len).max().unwrap_or(0)
}

/// Formats what was done to what, with the fields of the result below.
pub(crate) fn done(what: &str, name: &str, rows: &[(&str, String)], style: &Style) -> String {
    let (mark, name) = (style.done(), style.bold(name));
    format!("{mark} {what} {name}\n{}", fields(rows, style))
}
