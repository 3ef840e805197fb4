package origins_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"testing"
)

// A peer is a process that runs the original libraries.
type peer struct {
	t   *testing.T
	in  io.Writer
	out *bufio.Reader
	log *bytes.Buffer
}

func pythonPeer(t *testing.T) *peer {
	t.Helper()
	return startPeer(t, exec.CommandContext(t.Context(), python(t), "-W", "ignore", "testdata/python/peer.py"))
}

func nodePeer(t *testing.T) *peer {
	t.Helper()
	dir := node(t)
	cmd := exec.CommandContext(t.Context(), "node", "testdata/node/peer.mjs")
	cmd.Env = append(os.Environ(), "ORIGINS_NODE="+dir)
	return startPeer(t, cmd)
}

func startPeer(t *testing.T, cmd *exec.Cmd) *peer {
	t.Helper()
	p := &peer{t: t, log: new(bytes.Buffer)}
	cmd.Stderr = p.log
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	p.in, p.out = in, bufio.NewReader(out)
	return p
}

// ask has the peer call a function with named arguments, and decodes what it
// returns.
func (p *peer) ask(do string, with map[string]any, to any) {
	p.t.Helper()
	request, err := json.Marshal(map[string]any{"do": do, "with": with})
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := p.in.Write(append(request, '\n')); err != nil {
		p.t.Fatalf("%s: %v\n%s", do, err, p.log)
	}
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		p.t.Fatalf("%s: %v\n%s", do, err, p.log)
	}
	var answer struct {
		OK    json.RawMessage `json:"ok"`
		Error string          `json:"error"`
	}
	if err := json.Unmarshal(line, &answer); err != nil {
		p.t.Fatalf("%s: %v: %s", do, err, line)
	}
	if answer.Error != "" {
		p.t.Fatalf("%s: %s\nof %s", do, answer.Error, request)
	}
	if err := json.Unmarshal(answer.OK, to); err != nil {
		p.t.Fatalf("%s: %v: %s", do, err, answer.OK)
	}
}
