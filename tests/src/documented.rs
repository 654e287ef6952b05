/// Returns the code blocks in this language of a page of `docs/integrations`, in order.
pub(crate) fn documented(page: &str, language: &str) -> Vec<String> {
    let path = format!(
        "{}/../docs/integrations/{page}.md",
        env!("CARGO_MANIFEST_DIR")
    );
    let page = std::fs::read_to_string(&path).expect(&path);
    let begin = format!("```{language}\n");
    page.split(&begin)
        .skip(1)
        .map(|rest| rest.split_once("```").expect("its end").0.to_owned())
        .collect()
}
