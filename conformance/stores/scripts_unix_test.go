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
// pull others if ONLINE is set. It calls itself IS, and is to be found at AT.
const dockerStub = `#!/bin/bash
case "$1 $2" in
"--version ") echo "${IS-Docker} version 29.1.0" ;;
"context inspect") echo "${AT-unix:///var/run/docker.sock}" ;;
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

// TestServersScriptLeavesImagesThatAreNamed has variables that name other images.
func TestServersScriptLeavesImagesThatAreNamed(t *testing.T) {
	t.Parallel()
	path := scriptPath(t)
	writeScript(t, path, "docker", dockerStub)
	out, says := script(t, "servers.sh", path, "ONLINE=yes", "CLOAKROOM_REDIS_IMAGE=redis:6 my/redis:1", "CLOAKROOM_MONGO_IMAGE=")
	for _, want := range []string{
		"export CLOAKROOM_REDIS_IMAGE='redis:6 my/redis:1'\n", "export CLOAKROOM_MONGO_IMAGE=''\n",
		"export CLOAKROOM_REQUIRE=${CLOAKROOM_REQUIRE-redis memcache postgres mysql pgbouncer sentinel}\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("it prints\n%s\nwant %s; it says\n%s", out, want, says)
		}
	}
}

// TestServersScriptSaysWhereDockerIs has a docker command that finds what the tests don't
// find by themselves: they know neither its contexts nor Podman.
func TestServersScriptSaysWhereDockerIs(t *testing.T) {
	t.Parallel()
	const override = "export TESTCONTAINERS_DOCKER_SOCKET_OVERRIDE=/var/run/docker.sock\n"
	for _, c := range []struct {
		name, system string
		env          []string
		prints       string // at the beginning
		says         string // if it goes on without
	}{
		{"where it is used to be", "Linux", nil, "export CLOAKROOM_REDIS_IMAGE", ""},
		{
			"Colima", "Darwin",
			[]string{"AT=unix:///Users/me/.colima/default/docker.sock"},
			"export DOCKER_HOST=unix:///Users/me/.colima/default/docker.sock\n" + override, "",
		},
		{
			"without root", "Linux",
			[]string{"AT=unix:///run/user/1000/docker.sock"},
			"export DOCKER_HOST=unix:///run/user/1000/docker.sock\nexport CLOAKROOM", "",
		},
		{"named", "Darwin", []string{"AT=ssh://elsewhere", "DOCKER_HOST=tcp://elsewhere:2375"}, "export CLOAKROOM_REDIS_IMAGE", ""},
		{"elsewhere", "Linux", []string{"AT=ssh://elsewhere"}, "", "Docker is at ssh://elsewhere"},
		{"Podman", "Linux", []string{"IS=podman"}, "", "is Podman"},
		{
			"Podman whose socket is named", "Linux",
			[]string{"IS=podman", "DOCKER_HOST=unix:///run/podman.sock"},
			"export CLOAKROOM_REDIS_IMAGE", "",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := scriptPath(t)
			writeScript(t, path, "docker", dockerStub)
			if err := os.Remove(filepath.Join(path, "uname")); err != nil { // a link
				t.Fatal(err)
			}
			writeScript(t, path, "uname", "#!/bin/bash\necho "+c.system)
			out, says := script(t, "servers.sh", path, append(c.env, "ONLINE=yes")...)
			if !strings.HasPrefix(out, c.prints) || c.prints == "" && out != "" {
				t.Errorf("it prints\n%s\nwant %s", out, c.prints)
			}
			if !strings.Contains(says, c.says) {
				t.Errorf("it says\n%s\nwant %q", says, c.says)
			}
		})
	}
}

// TestServersScriptTakesWhatIsHereBeforeItMakesImages is on Debian without a network.
func TestServersScriptTakesWhatIsHereBeforeItMakesImages(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, have string
		prints     []string
	}{
		{"official images", "redis:8 cloakroom-debian:bookworm cloakroom-debian:trixie", []string{
			"export CLOAKROOM_REDIS_IMAGE='redis:8'\n",
			"export CLOAKROOM_POSTGRES_IMAGE='cloakroom-test/postgres:15 cloakroom-test/postgres:17'\n",
			"export CLOAKROOM_PGBOUNCER_IMAGE='cloakroom-test/pgbouncer:1'\n",
		}},
		{"PgBouncer without what it was made of", "memcached:1.6 cloakroom-test/pgbouncer:1", []string{
			"export CLOAKROOM_MEMCACHE_IMAGE='memcached:1.6'\n", "export CLOAKROOM_PGBOUNCER_IMAGE='cloakroom-test/pgbouncer:1'\n",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := scriptPath(t)
			writeScript(t, path, "docker", strings.ReplaceAll(dockerStub, `"build --quiet") [[ -n $ONLINE ]]`,
				`"build --quiet") [[ $* == *" BASE=cloakroom-debian:"* ]]`))
			becomeDebian(t, path, "exit 1")
			out, says := script(t, "servers.sh", path, "HAVE="+c.have)
			for _, want := range c.prints {
				if !strings.Contains(out, want) {
					t.Errorf("it prints\n%s\nwant %s; it says\n%s", out, want, says)
				}
			}
		})
	}
}

// TestADockerdThatEndsEarlyIsReported has one that may not run, as in a container. It is not
// waited for, and its last words are reported.
func TestADockerdThatEndsEarlyIsReported(t *testing.T) {
	t.Parallel()
	scripts, path := t.TempDir(), scriptPath(t)
	for _, name := range []string{"servers.sh", "common.sh", "docker.sh"} { // whose daemon has no log elsewhere
		writeScript(t, scripts, name, strings.ReplaceAll(read(t, "scripts/"+name), "/var/", scripts+"/"))
	}
	becomeDebian(t, path, "exit 0")
	writeScript(t, path, "docker", "#!/bin/bash\nexit 1")
	writeScript(t, path, "dockerd", "#!/bin/bash\necho 'operation not permitted' >&2\nexit 1")
	if err := os.Remove(filepath.Join(path, "sleep")); err != nil { // a link
		t.Fatal(err)
	}
	writeScript(t, path, "sleep", "#!/bin/bash\necho slept >>'"+scripts+"/sleeps'\nexec '"+path+"/snooze' 0.1")
	for name, text := range map[string]string{"sysctl": "", "pgrep": "exit 1", "setsid": `exec "$@"`, "nohup": `exec "$@"`} {
		writeScript(t, path, name, "#!/bin/bash\n"+text)
	}
	sleep, err := exec.LookPath("sleep")
	if err == nil {
		err = os.Symlink(sleep, filepath.Join(path, "snooze"))
	}
	if err == nil {
		err = os.Mkdir(filepath.Join(scripts, "log"), 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	out, says := script(t, filepath.Join(scripts, "servers.sh"), path)
	if out != "" || !strings.Contains(says, "dockerd did not start") || !strings.Contains(says, "operation not permitted") {
		t.Errorf("it prints\n%s\nand says\n%s", out, says)
	}
	if slept, err := os.ReadFile(filepath.Join(scripts, "sleeps")); len(slept) > 10*len("slept\n") {
		t.Errorf("it has waited long for one that had ended: %d bytes, %v", len(slept), err)
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

// TestBrowserScriptFindsChromeWhereMacOSHasIt has it among the applications of a user who may
// not install any for all.
func TestBrowserScriptFindsChromeWhereMacOSHasIt(t *testing.T) {
	t.Parallel()
	path, home := scriptPath(t), t.TempDir()
	folder := filepath.Join(home, "Applications", "Google Chrome.app", "Contents", "MacOS")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	writeScript(t, folder, "Google Chrome", "#!/bin/bash")
	out, says := script(t, "browser.sh", path, "HOME="+home)
	want := "export CLOAKROOM_CHROMIUM=" + strings.ReplaceAll(filepath.Join(folder, "Google Chrome"), " ", `\ `) + "\n"
	if out != want || says != "" {
		t.Errorf("it prints\n%s\nwant\n%s; it says\n%s", out, want, says)
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

// TestServersScriptInstallsWhatThePagesUse is on a bare Debian, where the tests of the pages'
// commands would be skipped. Docker can't be had there, so that nothing else is installed.
func TestServersScriptInstallsWhatThePagesUse(t *testing.T) {
	t.Parallel()
	path := scriptPath(t)
	becomeDebian(t, path, `[[ $* != *docker* ]] && echo "installed $*" >&2`)
	needs, _ := script(t, "servers.sh", path, "NEEDS=needs")
	_, says := script(t, "servers.sh", path)
	for program, name := range inPages {
		if !slices.Contains(strings.Fields(needs), name) || !slices.Contains(strings.Fields(says), name) {
			t.Errorf("nothing installs %s; it says\n%s", program, says)
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
	linkPrograms(t, dir, "bash", "cat", "dirname", "env", "grep", "ln", "mktemp", "rm", "sleep", "tail", "tr", "uname")
	writeScript(t, dir, "id", "#!/bin/bash\necho 501")
	return dir
}

func writeScript(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
}

// script runs one of the scripts, or another that has a whole path, and returns what it
// prints and what it says. NEEDS is its argument.
func script(t *testing.T, name, path string, env ...string) (out, says string) {
	t.Helper()
	if !filepath.IsAbs(name) {
		name = filepath.Join(root, "scripts", name)
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-c", `exec bash "$0" $NEEDS`, name)
	cmd.Env = append([]string{"PATH=" + path, "TMPDIR=" + t.TempDir()}, env...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	b, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, &stderr)
	}
	return string(b), stderr.String()
}
