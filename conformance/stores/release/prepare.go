package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// prepare makes the tree what is to be tagged, and says which tags that gets, in order.
func (r *repository) prepare(ctx context.Context, out io.Writer, modules []*module, version string, now time.Time) error {
	if err := r.checkRelease(ctx, modules, version); err != nil {
		return err
	}
	title := version
	names := []string{everything}
	if len(modules) == 1 {
		title = modules[0].dir + " " + version
		names = []string{modules[0].dir}
	}
	if err := r.writeChangelog(title+" - "+now.Format(time.DateOnly), names); err != nil {
		return err
	}
	if err := r.bump(ctx, modules, version); err != nil {
		return err
	}
	steps, err := r.steps(ctx, modules, version)
	if err == nil {
		_, err = io.WriteString(out, steps)
	}
	return err //nolint:wrapcheck // it is the terminal's, or says everything
}

// steps tells what is left to do. go install takes no module that has replace directives:
// one with programs is tagged beside main, where they are dropped. All others are tagged
// on main, because pseudo-versions count from the tags before a commit.
func (r *repository) steps(ctx context.Context, modules []*module, version string) (string, error) {
	var b strings.Builder
	if r.root != r.git {
		b.WriteString("This was a dry run: nothing has changed.\n")
	}
	b.WriteString("Every go.mod and the changelog are ready. Look at the difference, run make release-check and make test,\n" +
		"and merge it. Then tag what was merged, in this order, and push the tags:\n")
	var tags []string
	var beside strings.Builder
	for _, m := range modules {
		tag := fmt.Sprintf("git tag -a %s -m %q\n", m.tag(version), m.dir+" "+version)
		programs, err := r.programs(ctx, m)
		switch {
		case err != nil:
			return "", err
		case len(programs) == 0 || len(m.replaced) == 0:
			tags = append(tags, m.tag(version))
			b.WriteString(tag)
		default:
			fmt.Fprintf(&beside, "git switch --detach\ngo -C %[1]s mod edit \\\n  %[2]s\nGOWORK=off go -C %[1]s mod tidy\n"+
				"git add %[1]s\ngit commit -m %[3]q\n%[4]sgit push origin %[5]s\ngit switch -\n",
				m.dir, strings.Join(m.dropReplace(), " \\\n  "), m.dir+": "+version+" has no replace directives", tag, m.tag(version))
		}
	}
	if len(tags) > 0 {
		fmt.Fprintf(&b, "git push origin %s\n", strings.Join(tags, " "))
	}
	if beside.Len() > 0 {
		b.WriteString("# Then what go install takes, on a commit beside main:\n" + beside.String())
	}
	return b.String(), nil
}

// checkRelease looks for what would make it a release that can't be taken back.
func (r *repository) checkRelease(ctx context.Context, modules []*module, version string) error {
	want, err := numbers(version)
	if err != nil {
		return err
	}
	if r.root == r.git {
		if changed, err := command(ctx, r.root, nil, "git", "status", "--porcelain"); err != nil || changed != "" {
			return errors.Join(fmt.Errorf("the tree has changes that are not committed:\n%s", changed), err)
		}
	}
	readme, errReadme := os.ReadFile(filepath.Join(r.root, "README.md"))
	_, errLicence := os.Stat(filepath.Join(r.root, "LICENSE")) // the go command puts it into every module
	failed := errors.Join(errReadme, errLicence)
	for _, m := range modules {
		tags, err := command(ctx, r.git, nil, "git", "tag", "--list", m.tag("v*"))
		failed = errors.Join(failed, err)
		if last := latest(strings.Fields(tags)); last != "" {
			if n, err := numbers(last); err != nil || slices.Compare(want, n) <= 0 {
				failed = errors.Join(failed, fmt.Errorf("%s has been released at %s, and %s is not after that", m.dir, last, version))
			}
		}
		if !strings.Contains(string(readme), m.dir) {
			failed = errors.Join(failed, fmt.Errorf("README.md does not name %s", m.dir))
		}
		for _, s := range r.modules {
			if v, ok := m.require[s.path]; ok && !slices.Contains(modules, s) && !r.tagged(ctx, s, v) {
				failed = errors.Join(failed, fmt.Errorf("%s requires %s at %s, which is not released: release that first, or all",
					m.dir, s.dir, v))
			}
		}
	}
	return failed
}

// writeChangelog moves what is under Unreleased under a title.
func (r *repository) writeChangelog(title string, modules []string) error {
	path := filepath.Join(r.root, "CHANGELOG.md")
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("changelog: %w", err)
	}
	moved, err := moveEntries(string(text), title, modules...)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, []byte(moved), 0o600); err != nil {
		return fmt.Errorf("changelog: %w", err)
	}
	return nil
}

// bump makes every sibling require the version, and tidies every module: what one
// requires, those that require it list too.
func (r *repository) bump(ctx context.Context, modules []*module, version string) error {
	for _, sibling := range r.modules {
		edit := []string{"mod", "edit"}
		for _, m := range modules {
			if _, ok := sibling.require[m.path]; ok {
				edit = append(edit, "-require="+m.path+"@"+version)
			}
		}
		if len(edit) == 2 {
			continue
		}
		if _, err := command(ctx, filepath.Join(r.root, sibling.dir), nil, "go", edit...); err != nil {
			return err
		}
	}
	for _, m := range r.modules {
		if _, err := command(ctx, filepath.Join(r.root, m.dir), nil, "go", "mod", "tidy"); err != nil {
			return fmt.Errorf("%s: %w", m.dir, err)
		}
	}
	return nil
}
