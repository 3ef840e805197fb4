package memstore

// Options configure a [Store]. The zero value is right for almost everybody.
type Options struct {
	// MaxData is the largest Record.Data in bytes that the store takes; above it writes fail
	// with session.ErrTooLarge. 0 means 8 MiB, and less than 0 that there is no limit.
	MaxData int
}
