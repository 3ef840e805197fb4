//go:build unix

package stores_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/backends"
)

// dockerStub is a Docker that runs unless DOWN is set, has the images in HAVE, and can
// pull others if ONLINE is set.
const dockerStub = `#!/bin/bash
case "$1 $2" in
"info "*) [[ -z $DOWN ]] ;;
"image inspect") [[ " $HAVE " == *" $3 "* ]] ;;
"pull --quiet") [[ -n $ONLINE ]] ;;
"build --quiet") [[ -n $ONLINE ]] ;;
*) echo "docker $*: unexpected" >&2; exit 99 ;;
esac`

// TestServersScript runs the script with little more on the PATH than every system has:
// neither timeout, as on macOS, nor apt-get, as on systems that aren't Debian.
func TestServersScript(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		docker  bool
		env     string
		have    []string
		nothing bool
		says    string
	}{
		{"with Docker", true, "ONLINE=yes", nil, false, "using the official images\n"},
		{"with some images and no network", true, "", []string{"memcached:1.6", "redis:8"}, false, "no image for postgres"},
		{"with another image and no network", true, "", []string{"redis:8"}, false, "going on without redis:7 valkey/valkey:9\n"},
		{"with Docker and no network", true, "", nil, false, "no image for redis"},
		{"with a Docker that doesn't run", true, "DOWN=yes", nil, true, "Docker doesn't answer"},
		{"without Docker", false, "", nil, true, "no Docker here, and it can't be installed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := scriptPath(t)
			if c.docker {
				writeScript(t, path, "docker", dockerStub)
			}
			out, says := script(t, "servers.sh", path, "HAVE="+strings.Join(c.have, " "), c.env)
			if !strings.Contains(says, c.says) {
				t.Errorf("it says\n%s\nwant %q", says, c.says)
			}
			if c.nothing {
				if out != "" {
					t.Errorf("it prints\n%s", out)
				}
				return
			}
			wantImages(t, out, func(image string) bool { return c.env == "ONLINE=yes" || slices.Contains(c.have, image) })
		})
	}
}

// wantImages fails the test unless the tests are told of those official images that are
// there, and to demand the kinds that have one.
func wantImages(t *testing.T, out string, there func(image string) bool) {
	t.Helper()
	_, list, _ := strings.Cut(out, "${CLOAKROOM_REQUIRE-")
	demanded := strings.Fields(strings.ReplaceAll(list, "}", " "))
	for _, b := range backends.All {
		if b.Server == nil {
			continue
		}
		images := slices.DeleteFunc(slices.Clone(b.Server.Images), func(image string) bool { return !there(image) })
		if want := fmt.Sprintf("export %s='%s'\n", b.Server.ImageEnv, strings.Join(images, " ")); !strings.Contains(out, want) {
			t.Errorf("it prints\n%s\nwant %s", out, want)
		}
		if slices.Contains(demanded, b.Name) != (len(images) > 0) {
			t.Errorf("demanded are %q, and of %s there are %q", demanded, b.Name, images)
		}
	}
	bouncer := there("debian:trixie-slim")
	if slices.Contains(demanded, "pgbouncer") != bouncer || strings.Contains(out, "PGBOUNCER_IMAGE=''") == bouncer {
		t.Errorf("it prints\n%s\nand PgBouncer can be made: %v", out, bouncer)
	}
}

// TestBrowserScript has a browser on the PATH, on Debian with root or elsewhere.
func TestBrowserScript(t *testing.T) {
	t.Parallel()
	const (
		browser, shell = "chromium", "chromium-headless-shell"
		one            = "export CLOAKROOM_CHROMIUM=DIR/chromium\n"
		two            = one + "export CLOAKROOM_HEADLESS_SHELL=DIR/chromium-headless-shell\n"
	)
	for _, c := range []struct {
		name   string
		have   []string
		debian bool
		offers string // what apt-get has
		env    string
		needs  string
		prints string // with DIR for the folder
		says   string
	}{
		{"both", []string{browser, shell}, true, "", "", "", two, ""},
		{"on Debian", []string{browser}, true, shell, "", shell + "\n", two, "installing " + shell},
		{"on Debian without network", []string{browser}, true, "", "", shell + "\n", one, "could not be installed"},
		{"on Debian, to be kept as it is", []string{browser}, true, shell, "CLOAKROOM_INSTALL=no", "", one, ""},
		{"elsewhere", []string{browser}, false, shell, "", "", one, ""},
		{"another is named", []string{browser, shell}, true, "", "CLOAKROOM_CHROMIUM=/opt/chrome", "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := scriptPath(t)
			for _, name := range c.have {
				writeScript(t, path, name, "#!/bin/bash")
			}
			if c.debian {
				becomeDebian(t, path, "for name; do :; done # the last\n"+
					`[[ $name == update ]] || { [[ $name == "`+c.offers+`" ]] && ln -s dpkg '`+path+`/'"$name"; }`)
			}
			if needs, _ := script(t, "browser.sh", path, "NEEDS=needs", c.env); needs != c.needs {
				t.Errorf("it would install %q, want %q", needs, c.needs)
			}
			out, says := script(t, "browser.sh", path, c.env)
			out = strings.ReplaceAll(strings.ReplaceAll(out, `\`, ""), path, "DIR") // it quotes the path
			if out != c.prints {
				t.Errorf("it prints\n%s\nwant\n%s", out, c.prints)
			}
			if !strings.Contains(says, c.says) || c.says == "" && says != "" {
				t.Errorf("it says\n%s\nwant %q", says, c.says)
			}
		})
	}
}

// TestScriptsInstallNothingUnasked has root on Debian: there they could.
func TestScriptsInstallNothingUnasked(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"servers.sh", "browser.sh"} {
		path := scriptPath(t)
		becomeDebian(t, path, "echo 'apt-get was called' >&2; exit 1")
		if needs, _ := script(t, name, path, "NEEDS=needs"); needs == "" {
			t.Errorf("%s does not say what it would install", name)
		}
		if _, says := script(t, name, path, "CLOAKROOM_INSTALL=no"); !strings.Contains(says, "CLOAKROOM_INSTALL=no") ||
			strings.Contains(says, "apt-get was called") {
			t.Errorf("%s says\n%s", name, says)
		}
	}
}

// becomeDebian makes the scripts see Debian, on which nothing is installed, and root.
func becomeDebian(t *testing.T, path, aptGet string) {
	t.Helper()
	grep, err := exec.LookPath("grep")
	if err != nil {
		t.Fatal(err)
	}
	writeScript(t, path, "id", "#!/bin/bash\necho 0")
	if err := os.Remove(filepath.Join(path, "grep")); err != nil { // a link
		t.Fatal(err)
	}
	writeScript(t, path, "grep", "#!/bin/bash\n[[ \"$*\" == *' ID=debian /etc/os-release' ]] || exec '"+grep+"' \"$@\"")
	writeScript(t, path, "dpkg", "#!/bin/bash\nexit 1")
	writeScript(t, path, "apt-get", "#!/bin/bash\n"+aptGet)
}

// scriptPath returns a folder with links to programs that every system has, and with
// an id for which nobody is root.
func scriptPath(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"bash", "cat", "dirname", "env", "grep", "ln", "mktemp", "rm", "sleep", "tail", "tr", "uname"} {
		path, err := exec.LookPath(name)
		if err == nil {
			err = os.Symlink(path, filepath.Join(dir, name))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	writeScript(t, dir, "id", "#!/bin/bash\necho 501")
	return dir
}

func writeScript(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
}

// script runs one of the scripts and returns what it prints and what it says. NEEDS is
// its argument.
func script(t *testing.T, name, path string, env ...string) (out, says string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-c", `exec bash "$0" $NEEDS`, filepath.Join(root, "scripts", name))
	cmd.Env = append([]string{"PATH=" + path, "TMPDIR=" + t.TempDir()}, env...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	b, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, &stderr)
	}
	return string(b), stderr.String()
}
