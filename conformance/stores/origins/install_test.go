package origins_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/need"
)

// python returns a Python that has the packages of requirements.txt.
func python(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("CLOAKROOM_PYTHON"); path != "" {
		return path
	}
	dir, err := inPython()
	if err != nil {
		need.Missing(t, "no Python with Flask: CLOAKROOM_PYTHON is not set, and "+err.Error(), "python")
	}
	return filepath.Join(dir, "bin", "python")
}

// node returns a folder in which the packages of package.json are installed.
func node(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("CLOAKROOM_NODE"); dir != "" {
		return dir
	}
	dir, err := inNode()
	if err != nil {
		need.Missing(t, "no Node with Express: CLOAKROOM_NODE is not set, and "+err.Error(), "node")
	}
	return dir
}

var inPython = sync.OnceValues(func() (string, error) {
	return install("testdata/python/requirements.txt", func(dir, list string) [][]string {
		return [][]string{
			{"python3", "-m", "venv", dir},
			{filepath.Join(dir, "bin", "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", list},
		}
	})
})

var inNode = sync.OnceValues(func() (string, error) {
	return install("testdata/node/package.json", func(dir, list string) [][]string {
		return [][]string{
			{"cp", list, filepath.Join(dir, "package.json")},
			{"npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", dir},
		}
	})
})

// install runs commands that fill a folder, unless it was filled before from the
// same list of packages.
func install(list string, commands func(dir, list string) [][]string) (string, error) {
	text, err := os.ReadFile(list)
	if err != nil {
		return "", fmt.Errorf("read the list of packages: %w", err)
	}
	if list, err = filepath.Abs(list); err != nil {
		return "", fmt.Errorf("find the list of packages: %w", err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find a folder: %w", err)
	}
	dir := filepath.Join(cache, "cloakroom-origins", fmt.Sprintf("%x", sha256.Sum256(text))[:16])
	done := filepath.Join(dir, ".complete")
	if _, err := os.Stat(done); err == nil {
		return dir, nil
	}
	if os.Getenv("CLOAKROOM_INSTALL") == "no" {
		return "", errors.New("CLOAKROOM_INSTALL says not to install it")
	}
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o700)); err != nil {
		return "", fmt.Errorf("make a folder: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	for _, c := range commands(dir, list) {
		if out, err := exec.CommandContext(ctx, c[0], c[1:]...).CombinedOutput(); err != nil {
			return "", fmt.Errorf("%s: %w\n%s", c[0], err, out)
		}
	}
	if err := os.WriteFile(done, nil, 0o600); err != nil {
		return "", fmt.Errorf("finish: %w", err)
	}
	return dir, nil
}
