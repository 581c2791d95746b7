//! The files of other package managers, all written from one description and the checksums of the archives.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::VERSION;
use super::archive::CHECKSUMS;

const DESCRIPTION: &str = env!("CARGO_PKG_DESCRIPTION");
const HOMEPAGE: &str = env!("CARGO_PKG_HOMEPAGE");

/// The checksums of a release's archives, by the system of each.
struct Archives(BTreeMap<String, String>);

/// Writes the files into `manifests` beside the archives, each for the systems whose archives are there.
pub(super) fn write(folder: &Path) -> Result<()> {
    let sums = fs::read_to_string(folder.join(CHECKSUMS)).context("no checksums")?;
    let archives = Archives::parse(&sums);
    let to = folder.join("manifests");
    fs::create_dir_all(&to)?;
    let winget = |kind: &str| format!("XCHER.XCHER{kind}.yaml");
    for (name, text) in [
        ("xcher.rb".to_owned(), homebrew(&archives)),
        ("PKGBUILD".to_owned(), aur(&archives)),
        ("xcher.nix".to_owned(), nix(&archives)),
        (winget(""), winget_version(&archives)),
        (winget(".installer"), winget_installer(&archives)),
        (winget(".locale.en-US"), winget_locale(&archives)),
    ] {
        match text {
            Some(text) => fs::write(to.join(name), text)?,
            // Of an earlier call, when the archive was there.
            None if to.join(&name).exists() => fs::remove_file(to.join(name))?,
            None => {}
        }
    }
    Ok(())
}

impl Archives {
    fn parse(sums: &str) -> Self {
        let system = |name: &str| {
            let name = name.strip_prefix("xcher-")?.strip_prefix(VERSION)?.strip_prefix('-')?;
            let end = [".tar.gz", ".zip"].iter().find_map(|end| name.strip_suffix(end))?;
            Some(end.to_owned())
        };
        let lines = sums.lines().filter_map(|line| line.split_once("  "));
        Self(lines.filter_map(|(sum, name)| Some((system(name)?, sum.to_owned()))).collect())
    }

    /// Returns the URL and the checksum of a system's archive.
    fn get(&self, system: &str) -> Option<(String, &str)> {
        let end = if system.contains("windows") { "zip" } else { "tar.gz" };
        let url = format!("{HOMEPAGE}/releases/download/v{VERSION}/xcher-{VERSION}-{system}.{end}");
        Some((url, self.0.get(system)?))
    }
}

/// A formula of Homebrew, for macOS and Linux.
fn homebrew(archives: &Archives) -> Option<String> {
    let mut systems = String::new();
    for (os, arch, system) in [
        ("macos", "arm", "aarch64-apple-darwin"),
        ("macos", "intel", "x86_64-apple-darwin"),
        ("linux", "arm", "aarch64-unknown-linux-musl"),
        ("linux", "intel", "x86_64-unknown-linux-musl"),
    ] {
        let Some((url, sum)) = archives.get(system) else { continue };
        let _ = write!(
            systems,
            "\n  on_{os} do\n    on_{arch} do\n      url \"{url}\"\n      sha256 \"{sum}\"\n    end\n  end\n"
        );
    }
    (!systems.is_empty()).then(|| {
        format!(
            "class Xcher < Formula\n  desc \"{DESCRIPTION}\"\n  homepage \"{HOMEPAGE}\"\n  version \"{VERSION}\"\n  \
             license any_of: [\"MIT\", \"Apache-2.0\"]\n{systems}\n  def install\n    bin.install \"xcher\"\n    \
             man1.install Dir[\"man/*.1\"]\n    bash_completion.install \"completions/xcher.bash\" => \"xcher\"\n    \
             zsh_completion.install \"completions/_xcher\"\n    \
             fish_completion.install \"completions/xcher.fish\"\n  end\n\n  test do\n    \
             assert_match version.to_s, shell_output(\"#{{bin}}/xcher --version\")\n  end\nend\n"
        )
    })
}

/// A package of the Arch User Repository.
fn aur(archives: &Archives) -> Option<String> {
    let mut sources = String::new();
    let mut names = Vec::new();
    for arch in ["x86_64", "aarch64"] {
        let system = format!("{arch}-unknown-linux-musl");
        let Some((url, sum)) = archives.get(&system) else { continue };
        let _ = writeln!(sources, "source_{arch}=('{url}')\nsha256sums_{arch}=('{sum}')");
        names.push(format!("'{arch}'"));
    }
    let names = names.join(" ");
    (!names.is_empty()).then(|| {
        format!(
            "pkgname=xcher-bin\npkgver={VERSION}\npkgrel=1\npkgdesc='{DESCRIPTION}'\narch=({names})\nurl='{HOMEPAGE}'\n\
             license=('MIT' 'Apache-2.0')\nprovides=('xcher')\nconflicts=('xcher')\n\
             backup=('etc/xcher/relay.toml')\n{sources}\n\
             package() {{\n  cd \"xcher-$pkgver-$CARCH-unknown-linux-musl\"\n  \
             install -Dm755 xcher -t \"$pkgdir/usr/bin\"\n  \
             install -Dm644 man/*.1 -t \"$pkgdir/usr/share/man/man1\"\n  \
             install -Dm644 completions/xcher.bash \"$pkgdir/usr/share/bash-completion/completions/xcher\"\n  \
             install -Dm644 completions/_xcher -t \"$pkgdir/usr/share/zsh/site-functions\"\n  \
             install -Dm644 completions/xcher.fish -t \"$pkgdir/usr/share/fish/vendor_completions.d\"\n  \
             install -Dm644 packaging/xcher-relay.* -t \"$pkgdir/usr/lib/systemd/system\"\n  \
             install -Dm644 packaging/xcher.sysusers \"$pkgdir/usr/lib/sysusers.d/xcher.conf\"\n  \
             install -Dm644 packaging/relay.toml -t \"$pkgdir/etc/xcher\"\n  \
             install -Dm644 LICENSE-MIT THIRD-PARTY.txt -t \"$pkgdir/usr/share/licenses/$pkgname\"\n}}\n"
        )
    })
}

/// A derivation of Nix, for Linux and macOS.
fn nix(archives: &Archives) -> Option<String> {
    let mut systems = String::new();
    for (name, system) in [
        ("x86_64-linux", "x86_64-unknown-linux-musl"),
        ("aarch64-linux", "aarch64-unknown-linux-musl"),
        ("x86_64-darwin", "x86_64-apple-darwin"),
        ("aarch64-darwin", "aarch64-apple-darwin"),
    ] {
        let Some((url, sum)) = archives.get(system) else { continue };
        let _ = writeln!(systems, "    {name} = {{ url = \"{url}\"; sha256 = \"{sum}\"; }};");
    }
    (!systems.is_empty()).then(|| {
        format!(
            "{{ lib, stdenvNoCC, fetchurl, installShellFiles }}:\n\nlet\n  archives = {{\n{systems}  }};\n  \
             system = stdenvNoCC.hostPlatform.system;\nin\nstdenvNoCC.mkDerivation {{\n  pname = \"xcher\";\n  \
             version = \"{VERSION}\";\n  src = fetchurl archives.${{system}};\n  \
             nativeBuildInputs = [ installShellFiles ];\n  installPhase = ''\n    \
             install -Dm755 xcher -t $out/bin\n    installManPage man/*.1\n    \
             installShellCompletion --bash --name xcher completions/xcher.bash\n    \
             installShellCompletion --zsh completions/_xcher\n    \
             installShellCompletion --fish completions/xcher.fish\n  '';\n  meta = {{\n    \
             description = \"{DESCRIPTION}\";\n    homepage = \"{HOMEPAGE}\";\n    \
             license = with lib.licenses; [ mit asl20 ];\n    mainProgram = \"xcher\";\n    \
             platforms = builtins.attrNames archives;\n  }};\n}}\n"
        )
    })
}

const WINDOWS: &str = "x86_64-pc-windows-msvc";

fn winget(kind: &str, fields: &str) -> String {
    format!(
        "PackageIdentifier: XCHER.XCHER\nPackageVersion: {VERSION}\n{fields}ManifestType: {kind}\n\
         ManifestVersion: 1.6.0\n"
    )
}

fn winget_version(archives: &Archives) -> Option<String> {
    archives.get(WINDOWS)?;
    Some(winget("version", "DefaultLocale: en-US\n"))
}

fn winget_installer(archives: &Archives) -> Option<String> {
    let (url, sum) = archives.get(WINDOWS)?;
    let sum = sum.to_uppercase();
    let fields = format!(
        "Installers:\n- Architecture: x64\n  InstallerType: zip\n  NestedInstallerType: portable\n  \
         NestedInstallerFiles:\n  - RelativeFilePath: xcher-{VERSION}-{WINDOWS}\\xcher.exe\n    \
         PortableCommandAlias: xcher\n  InstallerUrl: {url}\n  InstallerSha256: {sum}\n"
    );
    Some(winget("installer", &fields))
}

fn winget_locale(archives: &Archives) -> Option<String> {
    archives.get(WINDOWS)?;
    let fields = format!(
        "PackageLocale: en-US\nPublisher: The XCHER contributors\nPackageName: XCHER\nPackageUrl: {HOMEPAGE}\n\
         License: MIT OR Apache-2.0\nShortDescription: {DESCRIPTION}\n"
    );
    Some(winget("defaultLocale", &fields))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn sums(systems: &[&str]) -> String {
        let line = |(at, system): (usize, &&str)| {
            let end = if system.contains("windows") { "zip" } else { "tar.gz" };
            format!("{}  xcher-{VERSION}-{system}.{end}\n", at.to_string().repeat(64))
        };
        systems.iter().enumerate().map(line).collect()
    }

    #[test]
    fn each_archive_is_named_with_its_own_checksum() {
        let systems = [
            "aarch64-apple-darwin",
            "aarch64-unknown-linux-musl",
            "x86_64-unknown-linux-musl",
            WINDOWS,
        ];
        let folder = std::env::temp_dir().join(format!("xcher-manifests-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(CHECKSUMS), sums(&systems)).unwrap();
        write(&folder).unwrap();
        let read = |name: &str| fs::read_to_string(folder.join("manifests").join(name)).unwrap();
        let (brew, nix, aur) = (read("xcher.rb"), read("xcher.nix"), read("PKGBUILD"));
        for (at, system) in systems[..3].iter().enumerate() {
            let (url, sum) =
                (format!("xcher-{VERSION}-{system}.tar.gz"), at.to_string().repeat(64));
            for text in [&brew, &nix, &aur] {
                let after = text.split_once(&url).map(|(_, after)| &after[..120.min(after.len())]);
                let is_mac = system.contains("apple");
                assert!(
                    after.is_some_and(|after| after.contains(&sum)) || is_mac && text == &aur,
                    "{system}: {text}"
                );
            }
        }
        let winget = read("XCHER.XCHER.installer.yaml");
        assert!(winget.contains(&"3".repeat(64)) && winget.contains(WINDOWS), "{winget}");
        // An archive that is gone is named nowhere.
        fs::write(folder.join(CHECKSUMS), sums(&systems[..1])).unwrap();
        write(&folder).unwrap();
        assert!(!folder.join("manifests/PKGBUILD").exists());
        assert!(!read("xcher.rb").contains("linux"));
        fs::remove_dir_all(&folder).unwrap();
    }
}
