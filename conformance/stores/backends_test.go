package stores_test

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/backends"
)

// What has to name each backend, and in which words. FOLDER, PACKAGE, NAME and TITLE are
// the backend's; ADDRESS, IMAGES and PREFIX are those of its server, if it needs one.
var (
	naming = map[string][]string{
		".github/dependabot.yml":   {"      - /FOLDER\n"},
		"CHANGELOG.md":             {"\n- FOLDER: "},
		"README.md":                {"](FOLDER/README.md)", "| `FOLDER` | `PACKAGE` |"},
		"docs/README.md":           {"`PACKAGE`"},
		"docs/architecture.md":     {`["FOLDER`},
		"docs/choosing-a-store.md": {"| [FOLDER](../FOLDER/README.md) |", "| FOLDER"},
		"go.work":                  {"\t./FOLDER\n"},
	}
	namingServers = map[string][]string{
		"CONTRIBUTING.md":    {"`ADDRESS`"},
		"docs/evidence.md":   {"`TestTITLE`", "`TestTITLECost`"},
		"scripts/servers.sh": {"\nofficial NAME PREFIX IMAGES\n", "\n\tNAME) "},
	}
)

// TestEveryBackendIsNamed compares with the list of backends what can't go through it.
func TestEveryBackendIsNamed(t *testing.T) {
	t.Parallel()
	var folders, withServers []string
	for _, b := range backends.All {
		folders = append(folders, b.Module)
		words := []string{
			"FOLDER", b.Module, "PACKAGE", strings.TrimPrefix(b.Module, "store-") + "store",
			"NAME", b.Name, "TITLE", strings.ToUpper(b.Name[:1]) + b.Name[1:],
		}
		wantNamed(t, b.Name, naming, words)
		if b.Server == nil {
			continue
		}
		withServers = append(withServers, b.Name)
		if b.Server.Name != b.Name {
			t.Errorf("the server of the backend %s is called %s", b.Name, b.Server.Name)
		}
		prefix := strings.TrimSuffix(strings.TrimPrefix(b.Server.ImageEnv, "CLOAKROOM_"), "_IMAGE")
		wantNamed(t, b.Name, namingServers, append(words,
			"ADDRESS", b.Server.AddrEnv, "IMAGES", strings.Join(b.Server.Images, " "), "PREFIX", prefix))
	}
	if want := "\nbackends='" + strings.Join(withServers, "|") + "'\n"; !strings.Contains(read(t, "scripts/ci.sh"), want) {
		t.Errorf("scripts/ci.sh lacks %q", want)
	}
	there, err := filepath.Glob(filepath.Join(root, "store-*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range there {
		if name := filepath.Base(folder); !slices.Contains(folders, name) {
			t.Errorf("internal/backends lacks a backend for %s", name)
		}
	}
}

func wantNamed(t *testing.T, backend string, naming map[string][]string, words []string) {
	t.Helper()
	for file, phrases := range naming {
		text := read(t, file)
		for _, phrase := range phrases {
			if want := strings.NewReplacer(words...).Replace(phrase); !strings.Contains(text, want) {
				t.Errorf("%s lacks %q, for the backend %s", file, want, backend)
			}
		}
	}
}

// TestTheWorkflowTestsEveryServer compares the matrix with the images that the tests
// start, and the page that says what is tested with the matrix.
func TestTheWorkflowTestsEveryServer(t *testing.T) {
	t.Parallel()
	matrix := make(map[string][]string)
	leg := regexp.MustCompile(`- \{ store: (\w+), image: "(.+)" \}\n`)
	for _, m := range leg.FindAllStringSubmatch(read(t, ".github/workflows/stores.yml"), -1) {
		matrix[m[1]] = append(matrix[m[1]], m[2])
	}
	_, versions, _ := strings.Cut(read(t, "docs/choosing-a-store.md"), "## What versions are tested")
	for _, b := range backends.All {
		if b.Server == nil {
			continue
		}
		for _, image := range b.Server.Images {
			if !slices.Contains(matrix[b.Name], image) {
				t.Errorf(".github/workflows/stores.yml lacks %s, for the backend %s", image, b.Name)
			}
		}
		row := regexp.MustCompile(`(?m)^\| ` + b.Module + ` \|.*$`).FindString(versions)
		for _, image := range matrix[b.Name] {
			_, version, _ := strings.Cut(image, ":")
			if !regexp.MustCompile(` ` + regexp.QuoteMeta(version) + `\b[^.]`).MatchString(row) {
				t.Errorf("docs/choosing-a-store.md lacks %s, which the workflow tests", image)
			}
		}
		delete(matrix, b.Name)
	}
	for name := range matrix {
		t.Errorf("internal/backends lacks %s, which .github/workflows/stores.yml names", name)
	}
}
