package session

import (
	"bytes"
	"fmt"
	"reflect"
)

// A Key names a value in a session and knows its type. Declare keys as package
// variables; two keys of the same name are the same value and need the same
// type. Names that begin with "cloakroom." are those of packages that keep something in the
// session, a device's key for instance. [Session.Names] and [Session.Clear] leave them alone.
//
// A value is encoded when it is set and decoded when it is got. What Get returns is the
// caller's own: changing it does not change the session. A value that would come back as
// another one is refused with [ErrEncode]. With JSON, that is text that is not UTF-8, a
// large integer in an any, or a struct without exported fields.
//
// JSON leaves out a struct's unexported fields, if it has others. An any comes back as
// one of JSON's types: an int as a float64, a [time.Time] as a string. So give a Key the
// type that you want to read.
type Key[T any] struct {
	name  string
	exact bool // values come back as they were: see exactType
}

// NewKey returns the key for values of type T under name.
func NewKey[T any](name string) Key[T] { return Key[T]{name, exactType(reflect.TypeFor[T](), nil)} }

// Name returns the key's name.
func (k Key[T]) Name() string { return k.name }

// Get returns the value, or the zero value if there is none. A stored value
// that doesn't decode into T counts as none, and is logged.
func (k Key[T]) Get(s *Session) T {
	v, _ := k.Lookup(s)
	return v
}

// Lookup returns the value and whether there is one. A stored value that
// doesn't decode into T counts as none, and is logged.
func (k Key[T]) Lookup(s *Session) (T, bool) {
	data, _ := s.value(k.name)
	return k.decode(s, data)
}

// Set sets the value. If it can't be encoded, the session is not changed, and
// its commit fails with [ErrEncode].
//
// Of two requests that set the same key, the one that commits last wins. To
// build on the old value, use [Key.Update].
func (k Key[T]) Set(s *Session, v T) {
	data, err := k.encode(s, v)
	if err != nil {
		s.fail(err)
		return
	}
	s.change(func(view *view) error {
		view.set(k.name, data)
		return nil
	})
}

// Update replaces the value by what f makes of it. If there is none, f gets the zero
// value, or an empty map if T is a map. If f returns what it was given, nothing is
// changed. No concurrent change is lost: if another request has written meanwhile, f
// runs again on the value that the other one left. So what Get returns after an Update
// is certain only after a commit.
//
// f may run several times. It must depend on nothing but its argument, change nothing
// outside, and not use the same key. A method that commits or reloads the session, or signs
// somebody in or out, would wait there for the commit that runs f. f may return its
// argument changed.
//
// A stored value that does not decode into T is not overwritten: the commit fails
// with [ErrDecode]. Set and Delete replace it.
func (k Key[T]) Update(s *Session, f func(T) T) {
	update := func(v *view) error {
		old, _ := v.get(k.name)
		data, changed, err := k.apply(s, old, f)
		if changed {
			v.set(k.name, data)
		}
		return err
	}
	for {
		old, ok := s.value(k.name)
		data, changed, err := k.apply(s, old, f) // unlocked: f may use the session
		switch {
		case err != nil:
			s.fail(err)
			return
		case !changed, s.swap(k.name, old, ok, data, update):
			return
		}
	}
}

// swap records update, whose result data is, if the value is still old, and
// reports whether it was.
func (s *Session) swap(name string, old []byte, exists bool, data []byte, update change) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, ok := s.cur.get(name)
	if ok != exists || !bytes.Equal(now, old) {
		return false
	}
	s.cur.set(name, data)
	s.recordLocked(update)
	return true
}

// Pop removes the value, and returns it and whether there was one. Two requests at the
// same time may both get it.
func (k Key[T]) Pop(s *Session) (T, bool) {
	v, ok := k.Lookup(s)
	k.Delete(s)
	return v, ok
}

// Delete removes the value.
func (k Key[T]) Delete(s *Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.cur.get(k.name); ok {
		s.changeLocked(func(v *view) error {
			v.remove(k.name)
			return nil
		})
	}
}

// apply returns what f makes of the encoded value old, and whether that is
// something else.
func (k Key[T]) apply(s *Session, old []byte, f func(T) T) (data []byte, changed bool, err error) {
	v, ok := k.decode(s, old)
	before := old
	switch {
	case !ok && old != nil:
		return nil, false, fmt.Errorf("%w: %q as %T; Set or Delete replaces it", ErrDecode, k.name, v)
	case !ok: // then f may have nothing to add
		v = emptyMap(v)
		before, _ = k.encode(s, v) // a zero value without an encoding is no result
	}
	if data, err = k.encode(s, f(v)); err != nil {
		return nil, false, err
	}
	return data, !bytes.Equal(before, data), nil
}

func (k Key[T]) encode(s *Session, v T) ([]byte, error) {
	data, err := s.m.opts.Codec.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("%w: %q: %w", ErrEncode, k.name, err)
	}
	if data == nil {
		data = []byte{}
	}
	if !k.exact {
		err = k.comesBack(s, v, data)
	}
	return data, err
}

// comesBack returns an error unless data, which is v encoded, is encoded to the same
// again when it has been decoded, and has all of v in it.
func (k Key[T]) comesBack(s *Session, v T, data []byte) error {
	if s.m.opts.Codec == JSON {
		if t := unencoded(reflect.ValueOf(v)); t != nil {
			return fmt.Errorf("%w: %q: JSON stores nothing of %v, which has no exported field", ErrEncode, k.name, t)
		}
	}
	var back T
	err := s.m.opts.Codec.Unmarshal(data, &back)
	if err != nil {
		return fmt.Errorf("%w: %q: %v can't be read back: %s", ErrEncode, k.name, reflect.TypeFor[T](), decodeReason(err))
	}
	again, err := s.m.opts.Codec.Marshal(back)
	if err != nil || !bytes.Equal(data, again) {
		return fmt.Errorf("%w: %q: %v would be another value when it is read back, as a large integer in an any is",
			ErrEncode, k.name, reflect.TypeFor[T]())
	}
	return nil
}

// decode takes nil for no value.
func (k Key[T]) decode(s *Session, data []byte) (v T, ok bool) {
	if data == nil {
		return v, false
	}
	if err := s.m.opts.Codec.Unmarshal(data, &v); err != nil {
		s.m.log().WarnContext(s.x.r.Context(), "session: value does not decode, treated as absent",
			"session", s.ID(), "key", k.name, "type", fmt.Sprintf("%T", v), "reason", decodeReason(err))
		var zero T
		return zero, false
	}
	return v, true
}
