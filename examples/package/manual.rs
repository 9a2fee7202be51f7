//! Pages of the manual, from the definition of a command line.

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use jiff::fmt::rfc2822;
use std::io;

/// A page, and the name of its file.
pub(crate) struct Page {
    pub(crate) file: String,
    pub(crate) text: String,
}

/// What is the same in all pages of a program.
struct Manual<'a> {
    section: &'a str,
    date: &'a str,
    source: String,
}

/// When the newest version of the package was made, by Debian's changelog: `2026-11-30`. So the pages of a version are
/// the same whenever they are made.
pub(crate) fn date(changelog: &str) -> io::Result<String> {
    let signature = changelog.lines().find_map(|line| line.strip_prefix(" -- ")?.split_once("  "));
    let date = signature.and_then(|(_, date)| rfc2822::parse(date).ok());
    let missing = || io::Error::other("contrib/debian/changelog has no line ` -- NAME <ADDRESS>  DATE`");
    Ok(date.ok_or_else(missing)?.date().to_string())
}

/// The pages of a program and of each of its commands. `man chitchatd user list` finds `chitchatd-user-list`.
pub(crate) fn pages(program: Command, section: &str, see_also: &str, date: &str) -> io::Result<Vec<Page>> {
    // `help` is a command that needs no page.
    let mut program = program.disable_help_subcommand(true);
    program.build();
    let source = format!("ChitChat {}", program.get_version().unwrap_or_default());
    let mut pages = Vec::new();
    Manual { section, date, source }.add(&program, see_also, &mut pages)?;
    Ok(pages)
}

impl Manual<'_> {
    fn add(&self, command: &Command, see_also: &str, pages: &mut Vec<Page>) -> io::Result<()> {
        let Self { section, date, source } = self;
        let man = Man::new(command.clone()).section(*section).date(*date).source(source).manual("ChitChat");
        let mut text = Vec::new();
        man.render_title(&mut text)?;
        man.render_name_section(&mut text)?;
        man.render_synopsis_section(&mut text)?;
        man.render_description_section(&mut text)?;
        man.render_options_section(&mut text)?;
        if command.has_subcommands() {
            man.render_subcommands_section(&mut text)?;
        }
        // mandoc warns of the empty line that clap_mangen puts before possible values.
        let mut text = String::from_utf8_lossy(&text).replace(".br\n\n.br\n", ".br\n");
        let around = [command.get_before_long_help(), command.get_after_help().or(command.get_after_long_help())];
        for help in around.into_iter().flatten() {
            text += &sections(&help.to_string()).render();
        }
        let mut end = Roff::new();
        end.control("SH", ["SEE ALSO"]).text([bold(see_also)]);
        text += &end.render();
        let name = command.get_display_name().unwrap_or_else(|| command.get_name());
        pages.push(Page { file: man.get_filename(), text });
        let this = format!("{name}({section})");
        command.get_subcommands().try_for_each(|command| self.add(command, &this, pages))
    }
}

/// What stands below the options in `--help`. A paragraph with a heading, such as `Examples:`, is a section whose lines
/// stay as they are.
fn sections(help: &str) -> Roff {
    let mut roff = Roff::new();
    for paragraph in help.split("\n\n") {
        match paragraph.split_once(":\n") {
            Some((heading, lines)) => {
                roff.control("SH", [heading.to_uppercase().as_str()]).control("nf", []);
                lines.lines().for_each(|line| _ = roff.text([roman(line)]));
                roff.control("fi", []);
            }
            None => _ = roff.control("PP", []).text([roman(paragraph)]),
        }
    }
    roff
}
