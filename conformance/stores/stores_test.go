package stores_test

import "testing"

// smallBatch makes a batch of stores that have an option for it so small that the
// suite's DeleteAll takes several.
const smallBatch = 50

// describe tells the report tool which store the test t runs the suite on, and
// against which server. A store without a server leaves that empty.
func describe(t *testing.T, store, server, version string) {
	t.Helper()
	t.Attr("cloakroom.store", store)
	t.Attr("cloakroom.server", server)
	t.Attr("cloakroom.version", version)
}
