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

// release prepares the release of a module, or of all, in a copy of the tree. What has
// changed there is brought here in the end, unless the run is dry: one that fails or is
// interrupted has changed nothing.
func (r *repository) release(ctx context.Context, out io.Writer, name, version string, dry bool) error {
	changed, err := command(ctx, r.root, nil, "git", "status", "--porcelain")
	if err == nil && changed != "" && !dry {
		err = fmt.Errorf("the tree has changes that are not committed:\n%s", changed)
	}
	if err != nil {
		return err
	}
	c, err := r.copied(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(c.root) }() // a copy
	modules, err := c.named(name)
	if err != nil {
		return err
	}
	steps, err := c.prepare(ctx, modules, version, time.Now())
	if err == nil && dry {
		steps = "This was a dry run: nothing has changed.\n" + steps
	} else if err == nil {
		err = r.take(c)
	}
	if err == nil {
		_, err = io.WriteString(out, steps)
	}
	return err //nolint:wrapcheck // it is the terminal's, or says everything
}

// take brings here what preparing a release has changed in a copy.
func (r *repository) take(c *repository) error {
	names := []string{changelog}
	for _, m := range c.modules {
		names = append(names, m.dir+"/go.mod", m.dir+"/go.sum")
	}
	for _, name := range names {
		b, err := os.ReadFile(filepath.Join(c.root, name))
		if errors.Is(err, os.ErrNotExist) {
			continue // a module that requires no other has no go.sum
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(r.root, name), b, 0o600) // a new one; others keep their mode
		}
		if err != nil {
			return fmt.Errorf("what is prepared: %w", err)
		}
	}
	return nil
}

// prepare makes the tree what is to be tagged, and says which tags that gets, in order.
func (r *repository) prepare(ctx context.Context, modules []*module, version string, now time.Time) (steps string, err error) {
	if err := r.checkRelease(ctx, modules, version); err != nil {
		return "", err
	}
	title := version
	names := []string{everything}
	if len(modules) == 1 {
		title = modules[0].dir + " " + version
		names = []string{modules[0].dir}
	}
	title += " - " + now.Format(time.DateOnly)
	if err := r.writeChangelog(title, names); err != nil {
		return "", err
	}
	if err := r.bump(ctx, modules, version); err != nil {
		return "", err
	}
	commands, err := r.commands(ctx, modules, version, title)
	if err != nil {
		return "", err
	}
	return "Every go.mod and the changelog are ready. Look at the difference, run make release-check and make test,\n" +
		"and merge it. Then tag what was merged, and push the tags. A command that fails stops it, as grep does before\n" +
		"the merge; go on there:\n\n" + strings.Join(commands, " &&\n") + "\n", nil
}

// commands tells what is left to do. go install takes no module that has replace directives:
// one with programs is tagged beside main, where they are dropped. All others are tagged
// on main, because pseudo-versions count from the tags before a commit.
func (r *repository) commands(ctx context.Context, modules []*module, version, title string) ([]string, error) {
	list := []string{"git switch main", "git pull --ff-only", fmt.Sprintf("grep -xF %q %s", "## "+title, changelog)}
	var tags, beside []string
	for _, m := range modules {
		tag := fmt.Sprintf("git tag -a %s -m %q", m.tag(version), m.dir+" "+version)
		programs, err := r.programs(ctx, m)
		switch {
		case err != nil:
			return nil, err
		case len(programs) == 0 || len(m.replaced) == 0:
			tags = append(tags, m.tag(version))
			list = append(list, tag)
		default:
			beside = append(beside, "git switch --detach",
				"go -C "+m.dir+" mod edit \\\n  "+strings.Join(m.dropReplace(), " \\\n  "),
				"GOWORK=off go -C "+m.dir+" mod tidy",
				"git add "+m.dir,
				fmt.Sprintf("git commit -m %q", m.dir+": "+version+" has no replace directives"),
				tag,
				"git push origin "+m.tag(version),
				"git switch -")
		}
	}
	if len(tags) > 0 {
		list = append(list, "git push origin "+strings.Join(tags, " "))
	}
	return append(list, beside...), nil
}

// checkRelease looks for what would make it a release that can't be taken back.
func (r *repository) checkRelease(ctx context.Context, modules []*module, version string) error {
	want, err := numbers(version)
	if err != nil {
		return err
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
		if !strings.Contains(string(readme), "`"+m.dir+"`") {
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
	path := filepath.Join(r.root, changelog)
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
