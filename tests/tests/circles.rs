//! No file of a crate depends on itself through others: each can be read after those that it uses.
//!
//! A file depends on the file that defines what it names; a module's re-exports stand for what they
//! export. Test code may import what it likes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, Meta, UseTree, Visibility};

/// A path without generics, from the crate's root for a module.
type Names = Vec<String>;

/// What one file defines, imports and mentions.
#[derive(Default)]
struct File {
    defined: BTreeSet<String>,
    imports: Vec<Import>,
    mentioned: Vec<Names>,
    modules: BTreeSet<String>,
}

struct Import {
    path: Names,
    /// `*` for all names of `path`.
    name: String,
    is_exported: bool,
}

impl File {
    fn parse(source: &str) -> Self {
        let mut file = Self::default();
        file.visit_file(&syn::parse_file(source).expect("Rust"));
        file
    }

    fn import(&mut self, tree: &UseTree, mut path: Names, is_exported: bool) {
        let (path, name) = match tree {
            UseTree::Path(tree) => {
                path.push(tree.ident.to_string());
                return self.import(&tree.tree, path, is_exported);
            }
            UseTree::Group(tree) => {
                for tree in &tree.items {
                    self.import(tree, path.clone(), is_exported);
                }
                return;
            }
            UseTree::Name(tree) if tree.ident == "self" => {
                let name = path.last().cloned().unwrap_or_default();
                (path, name)
            }
            UseTree::Name(tree) => {
                path.push(tree.ident.to_string());
                (path, tree.ident.to_string())
            }
            UseTree::Rename(tree) => {
                path.push(tree.ident.to_string());
                (path, tree.rename.to_string())
            }
            UseTree::Glob(_) => (path, "*".to_owned()),
        };
        self.imports.push(Import {
            path,
            name,
            is_exported,
        });
    }

    /// Reads what a macro is given: paths, and the items that it defines.
    fn read_tokens(&mut self, tokens: TokenStream) {
        let mut path = Names::new();
        let mut colons = 0;
        let mut defines = false;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    let ident = ident.to_string();
                    if defines {
                        self.defined.insert(ident.clone());
                    }
                    defines = ["struct", "enum", "trait", "fn", "type", "const"]
                        .contains(&ident.as_str());
                    if colons != 2 {
                        self.mention(std::mem::take(&mut path));
                    }
                    path.push(ident);
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Group(group) => {
                    self.read_tokens(group.stream());
                    self.mention(std::mem::take(&mut path));
                }
                _ => self.mention(std::mem::take(&mut path)),
            }
        }
        self.mention(path);
    }

    fn mention(&mut self, path: Names) {
        if path.len() > 1 {
            self.mentioned.push(path);
        }
    }
}

/// Returns whether an item is compiled for tests only: `cfg(test)` or `cfg(all(test, …))`.
fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let Meta::List(list) = &attribute.meta else {
            return false;
        };
        let words = list.tokens.to_string();
        let mut words = words.split(|c: char| !c.is_alphanumeric());
        list.path.is_ident("cfg")
            && words.clone().any(|word| word == "test")
            && !words.any(|word| word == "any" || word == "not")
    })
}

impl<'ast> Visit<'ast> for File {
    fn visit_item(&mut self, item: &'ast Item) {
        let (attributes, name) = match item {
            Item::Const(item) => (&item.attrs, Some(&item.ident)),
            Item::Enum(item) => (&item.attrs, Some(&item.ident)),
            Item::Fn(item) => (&item.attrs, Some(&item.sig.ident)),
            Item::Impl(item) => (&item.attrs, None),
            Item::Macro(item) => (&item.attrs, item.ident.as_ref()),
            Item::Mod(item) => (&item.attrs, None),
            Item::Static(item) => (&item.attrs, Some(&item.ident)),
            Item::Struct(item) => (&item.attrs, Some(&item.ident)),
            Item::Trait(item) => (&item.attrs, Some(&item.ident)),
            Item::Type(item) => (&item.attrs, Some(&item.ident)),
            Item::Use(item) => (&item.attrs, None),
            _ => return visit::visit_item(self, item),
        };
        if is_test(attributes) {
            return;
        }
        self.defined.extend(name.map(ToString::to_string));
        match item {
            Item::Use(item) => {
                let is_exported = !matches!(item.vis, Visibility::Inherited);
                self.import(&item.tree, Names::new(), is_exported);
            }
            Item::Mod(item) if item.content.is_none() => {
                self.modules.insert(item.ident.to_string());
            }
            _ => visit::visit_item(self, item),
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names = path.segments.iter().map(|part| part.ident.to_string());
        self.mention(names.collect());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.read_tokens(call.tokens.clone());
    }

    fn visit_visibility(&mut self, _: &'ast Visibility) {}
}

/// The files of a crate by their module.
struct Crate(BTreeMap<Names, File>);

impl Crate {
    fn read(folder: &Path) -> Self {
        let mut files = BTreeMap::new();
        let root = ["lib.rs", "main.rs"].map(|name| folder.join(name));
        let root = root.iter().find(|path| path.exists()).expect("a root");
        Self::load(&mut files, Names::new(), root, folder);
        Self(files)
    }

    fn load(files: &mut BTreeMap<Names, File>, module: Names, path: &Path, below: &Path) {
        let file = File::parse(&fs::read_to_string(path).expect("a source file"));
        for name in &file.modules {
            let mut child = module.clone();
            child.push(name.clone());
            let below = below.join(name);
            let path = below.with_extension("rs");
            let path = if path.exists() {
                path
            } else {
                below.join("mod.rs")
            };
            Self::load(files, child, &path, &below);
        }
        files.insert(module, file);
    }

    /// Returns the module that `path` starts from and the rest, if it starts within the crate.
    fn start<'a>(&self, module: &[String], path: &'a [String]) -> Option<(Names, &'a [String])> {
        let mut module = module.to_vec();
        match path.first()?.as_str() {
            "crate" => return Some((Names::new(), &path[1..])),
            "self" => return Some((module, &path[1..])),
            "super" => {}
            name if self.0[&module].modules.contains(name) => return Some((module, path)),
            name => {
                // A path that begins with an imported module.
                let imports = &self.0[&module].imports;
                let import = imports.iter().find(|import| import.name == *name)?;
                if import.path.first()? == name {
                    return None;
                }
                let (start, rest) = self.start(&module, &import.path)?;
                let found = self.definition(start, rest, 0);
                return Some((found, &path[1..]));
            }
        }
        let mut rest = path;
        while rest.first().is_some_and(|name| name == "super") {
            module.pop()?;
            rest = &rest[1..];
        }
        Some((module, rest))
    }

    /// Returns the module whose file defines what `path` names, seen from `module`.
    fn definition(&self, mut module: Names, mut path: &[String], depth: usize) -> Names {
        while let Some(name) = path.first() {
            module.push(name.clone());
            if !self.0.contains_key(&module) {
                module.pop();
                break;
            }
            path = &path[1..];
        }
        let (Some(name), true) = (path.first(), depth < 12) else {
            return module;
        };
        let file = &self.0[&module];
        if file.defined.contains(name) {
            return module;
        }
        for import in &file.imports {
            if import.name != *name && import.name != "*" {
                continue;
            }
            let Some((start, rest)) = self.start(&module, &import.path) else {
                continue;
            };
            if import.name == "*" {
                let from = self.definition(start, rest, depth + 1);
                if self.0[&from].defined.contains(name) {
                    return from;
                }
            } else {
                return self.definition(start, rest, depth + 1);
            }
        }
        module
    }

    fn dependencies(&self, module: &Names) -> BTreeSet<Names> {
        let file = &self.0[module];
        // A module with files of its own exports them; that is no use of them.
        let exports = !file.modules.is_empty();
        let imports = file.imports.iter();
        let imports = imports.filter(|import| !(exports && import.is_exported));
        imports
            .map(|import| &import.path)
            .chain(&file.mentioned)
            .filter_map(|path| self.start(module, path))
            .map(|(start, rest)| self.definition(start, rest, 0))
            .filter(|found| found != module)
            .collect()
    }

    /// Returns the files that depend on themselves through others, each with those of its
    /// dependencies that lead back to it.
    fn circles(&self) -> Vec<String> {
        let direct: BTreeMap<&Names, BTreeSet<Names>> = self
            .0
            .keys()
            .map(|module| (module, self.dependencies(module)))
            .collect();
        let reached: BTreeMap<&Names, BTreeSet<&Names>> = direct
            .keys()
            .map(|module| {
                let mut found = BTreeSet::new();
                let mut next: Vec<&Names> = direct[module].iter().collect();
                while let Some(module) = next.pop() {
                    if found.insert(module) {
                        next.extend(&direct[module]);
                    }
                }
                (*module, found)
            })
            .collect();
        let name = |module: &Names| match module.join("::") {
            root if root.is_empty() => "the root".to_owned(),
            name => name,
        };
        let mut circles = Vec::new();
        for (module, dependencies) in &direct {
            let back = dependencies.iter();
            let back = back.filter(|other| reached[other].contains(module));
            let back: Vec<String> = back.map(name).collect();
            if !back.is_empty() {
                circles.push(format!("{} -> {}", name(module), back.join(", ")));
            }
        }
        circles
    }
}

#[test]
fn no_file_of_a_crate_depends_on_itself_through_others() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut circles = BTreeMap::new();
    for entry in fs::read_dir(root).expect("the repository") {
        let folder = entry.expect("an entry").path();
        // `tests` has no product code.
        if folder.join("src").exists() && !folder.ends_with("tests") {
            let found = Crate::read(&folder.join("src")).circles();
            if !found.is_empty() {
                circles.insert(folder.file_name().expect("a name").to_owned(), found);
            }
        }
    }
    assert!(circles.is_empty(), "{circles:#?}");
}

fn circles_of<const N: usize>(files: [(&str, &str); N]) -> Vec<String> {
    let files = files.map(|(module, source)| {
        let module = module.split("::").filter(|name| !name.is_empty());
        let module: Names = module.map(ToOwned::to_owned).collect();
        (module, File::parse(source))
    });
    Crate(files.into()).circles()
}

#[test]
fn a_circle_through_a_reexport_is_found() {
    let circles = circles_of([
        ("", "mod below; mod above;"),
        ("below", "mod inner; pub use inner::Inner;"),
        (
            "below::inner",
            "pub struct Inner; fn f() { crate::above::go(); }",
        ),
        ("above", "use crate::below::Inner; pub fn go() {}"),
    ]);
    assert_eq!(circles, ["above -> below::inner", "below::inner -> above"]);
}

#[test]
fn a_circle_through_a_macro_is_found() {
    let circles = circles_of([
        ("", "mod left; mod right;"),
        (
            "left",
            "define! { enum Left { A } } use super::right::Right;",
        ),
        (
            "right",
            "pub struct Right; fn f() { print!(\"{}\", crate::left::Left::A); }",
        ),
    ]);
    assert_eq!(circles, ["left -> right", "right -> left"]);
}

#[test]
fn reexports_and_tests_are_no_dependency() {
    let circles = circles_of([
        ("", "mod below; mod above; pub use above::Above;"),
        (
            "below",
            "#[cfg(test)] mod tests { use crate::Above; } pub struct Below;",
        ),
        ("above", "use crate::below::Below; pub struct Above(Below);"),
    ]);
    assert_eq!(circles, [""; 0]);
}
