// Package safegob decodes what encoding/gob encoded, within bounds. That package
// makes a map as large as the data claims it is, recurses as deep as the data
// says, and panics where a key can't be one. A few bytes could end the process.
package safegob

import (
	"bytes"
	"encoding/gob"
	"fmt"
)

// Decode decodes the first value in data into what to points to. It makes no
// type that is not registered with encoding/gob, and no map that is larger than
// the data.
func Decode(data []byte, to any) (err error) {
	if err := check(data); err != nil {
		return err
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("gob: a value is not what it should be (%T)", r)
		}
	}()
	if err := gob.NewDecoder(bytes.NewReader(data)).Decode(to); err != nil {
		return fmt.Errorf("%w", err)
	}
	return nil
}
