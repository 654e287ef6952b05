use super::Style;

/// Formats one label and value per line, with aligned values:
///
/// ```text
///   kind     personal
///   expires  never
/// ```
pub(crate) fn fields(fields: &[(&str, String)], style: &Style) -> String {
    let width = fields
        .iter()
        .map(|(label, _)| label.len())
        .max()
        .unwrap_or(0);
    fields
        .iter()
        .map(|(label, value)| {
            let label = style.dim(&format!("{label:width$}"));
            format!("  {label}  {value}\n")
        })
        .collect::<Vec<_>>()
        .concat()
}

/// Formats what was done to what, with the fields of the result below.
pub(crate) fn done(what: &str, name: &str, rows: &[(&str, String)], style: &Style) -> String {
    let (mark, name) = (style.done(), style.bold(name));
    format!("{mark} {what} {name}\n{}", fields(rows, style))
}
