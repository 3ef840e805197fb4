package filestore_test

import (
	"context"
	"testing"
	"time"

	"golang.org/x/sys/windows"
)

// occupy opens a file as a program does that looks for viruses or makes a backup:
// nobody else may open, replace or remove it until the function that it returns is
// called.
func occupy(t *testing.T, path string) (release func()) {
	t.Helper()
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		t.Fatal(err)
	}
	handle, err := windows.CreateFile(name, windows.GENERIC_READ, 0, nil, windows.OPEN_EXISTING, windows.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := windows.CloseHandle(handle); err != nil {
			t.Error(err)
		}
	}
}

func TestAFileThatAnotherProgramHoldsIsWaitedFor(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Load", "Update", "Touch", "Delete"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := folder(t)
			s := open(t, dir)
			id, r := create(t, s, "x", "ada")
			release := occupy(t, recordPath(t, dir, id))

			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
			defer cancel()
			wantError(t, name+" while it is held", calls[name](ctx, s, id), context.DeadlineExceeded)

			done := make(chan error, 1)
			go func() {
				var err error
				switch name {
				case "Load":
					_, err = s.Load(t.Context(), id)
				case "Update":
					next := newRecord("y", "ada")
					err = s.Update(t.Context(), id, r.Version, next)
				case "Touch":
					err = s.Touch(t.Context(), id, r.Version, r.Expires.Add(time.Minute))
				case "Delete":
					err = s.Delete(t.Context(), id)
				}
				done <- err
			}()
			time.Sleep(100 * time.Millisecond) //nolint:forbidigo // so that the store meets it
			release()
			wantError(t, name+" when it is let go", <-done, nil)
		})
	}
}

func TestAFileThatIsHeldForGoodIsAnError(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	s := open(t, dir)
	id, r := create(t, s, "x", "ada")
	defer occupy(t, recordPath(t, dir, id))()
	_, err := s.Load(t.Context(), id)
	wantError(t, "Load", err, windows.ERROR_SHARING_VIOLATION)
	wantError(t, "Update", s.Update(t.Context(), id, r.Version, newRecord("y", "ada")), windows.ERROR_SHARING_VIOLATION)
}
