// Package disk is a file system for tests, in memory and by way of FUSE, that knows what
// would be left of it after a power cut: what was flushed, and of the rest any part.
package disk
