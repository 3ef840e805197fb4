package memstore

// Options configure a [Store]. The zero value is right for almost everybody.
type Options struct {
	// MaxData is how many bytes Record.Data may have. A write of more fails with
	// sessionstore.ErrTooLarge. 0 means 8 MiB (sessionstore.DefaultMaxData), and less
	// than 0 that there is no limit.
	MaxData int
}
