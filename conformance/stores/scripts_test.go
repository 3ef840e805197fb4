package stores_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// dockerStub is a Docker that has the images in HAVE, and can pull others if ONLINE is
// set.
const dockerStub = `#!/bin/bash
case "$1 $2" in
"info "*) exit 0 ;;
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
		name         string
		docker       bool
		have, online string
		want         []string // on standard output
		says         string
	}{
		{"with Docker", true, "", "yes", []string{
			"export CLOAKROOM_REDIS_IMAGE='redis:7 redis:8 valkey/valkey:9'",
			"export CLOAKROOM_MEMCACHE_IMAGE='memcached:1.6'",
			"export CLOAKROOM_POSTGRES_IMAGE='postgres:15 postgres:18'",
			"export CLOAKROOM_MONGO_IMAGE='mongo:7 mongo:8'",
			"export CLOAKROOM_PGBOUNCER_IMAGE='cloakroom-test/pgbouncer:1'",
			"export CLOAKROOM_REQUIRE=${CLOAKROOM_REQUIRE-redis memcache postgres mongo pgbouncer sentinel}",
		}, "using the official images"},
		{"with some images and no network", true, "memcached:1.6 redis:8", "", []string{
			"export CLOAKROOM_REDIS_IMAGE='redis:8'",
			"export CLOAKROOM_MEMCACHE_IMAGE='memcached:1.6'",
			"export CLOAKROOM_POSTGRES_IMAGE=''",
			"export CLOAKROOM_MONGO_IMAGE=''",
			"export CLOAKROOM_PGBOUNCER_IMAGE=''",
			"export TESTCONTAINERS_RYUK_DISABLED=true",
			"export CLOAKROOM_REQUIRE=${CLOAKROOM_REQUIRE-redis memcache sentinel}",
		}, "no image for postgres"},
		{"with Docker and no network", true, "", "", nil, "no image can be pulled, and none can be made"},
		{"without Docker", false, "", "yes", nil, "no Docker here, and it can't be installed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := scriptPath(t)
			if c.docker {
				writeScript(t, path, "docker", dockerStub)
			}
			out, says := script(t, "servers.sh", path, "HAVE="+c.have, "ONLINE="+c.online)
			got := strings.FieldsFunc(out, func(r rune) bool { return r == '\n' })
			slices.Sort(got)
			slices.Sort(c.want)
			if !slices.Equal(got, c.want) {
				t.Errorf("it prints\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
			if !strings.Contains(says, c.says) {
				t.Errorf("it says\n%s\nwant %q", says, c.says)
			}
		})
	}
}

// TestScriptsInstallNothingUnasked has root on Debian, where they could.
func TestScriptsInstallNothingUnasked(t *testing.T) {
	t.Parallel()
	if release, err := os.ReadFile("/etc/os-release"); err != nil || !strings.Contains(string(release), "\nID=debian\n") {
		t.Skip("this is not Debian, where nothing is ever installed")
	}
	for _, name := range []string{"servers.sh", "browser.sh"} {
		path := scriptPath(t)
		writeScript(t, path, "id", "#!/bin/bash\necho 0")
		writeScript(t, path, "dpkg", "#!/bin/bash\nexit 1")
		writeScript(t, path, "apt-get", "#!/bin/bash\necho 'apt-get was called' >&2; exit 1")
		if needs, _ := script(t, name, path, "NEEDS=needs"); needs == "" {
			t.Errorf("%s does not say what it would install", name)
		}
		if _, says := script(t, name, path, "CLOAKROOM_INSTALL=no"); !strings.Contains(says, "CLOAKROOM_INSTALL=no") ||
			strings.Contains(says, "apt-get was called") {
			t.Errorf("%s says\n%s", name, says)
		}
	}
}

// TestScriptNamesTheImages holds together which official images the script and the
// package servers know.
func TestScriptNamesTheImages(t *testing.T) {
	t.Parallel()
	text := read(t, "scripts/servers.sh")
	kinds := read(t, "conformance/stores/internal/servers/kinds.go") + read(t, "conformance/stores/internal/servers/mysql.go")
	named := regexp.MustCompile(`(?m)^\tofficial \w+ (\w+) (.+)$`).FindAllStringSubmatch(text, -1)
	for _, m := range named {
		images := strings.Join(strings.Fields(m[2]), `", "`)
		list := "imageEnv: \"CLOAKROOM_" + m[1] + "_IMAGE\",\n\timages:   []string{\"" + images + "\"},"
		if !strings.Contains(kinds, list) {
			t.Errorf("package servers does not have\n%s", list)
		}
	}
	if len(named) < 4 {
		t.Errorf("%d kinds found; are the lists still written in this way?", len(named))
	}
}

// scriptPath returns a folder with links to programs that every system has, and with
// an id for which nobody is root.
func scriptPath(t *testing.T) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the scripts are not for Windows")
	}
	dir := t.TempDir()
	for _, name := range []string{"bash", "cat", "dirname", "env", "grep", "mktemp", "rm", "sleep", "tail", "tr", "uname"} {
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

// read returns a file of the repository.
func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(b), "\r\n", "\n")
}
