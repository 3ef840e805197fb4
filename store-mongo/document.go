package mongostore

import (
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

const (
	idField      = "_id"
	dataField    = "data"
	subjectField = "subject"
	expiresField = "expires"
	versionField = "version"

	equal   = "$eq"
	greater = "$gt"
)

// latest is the last expiry that a record can have.
var latest = time.Unix(1<<63/1_000_000_000-1, 0)

// withoutData is a projection.
var withoutData = bson.D{{Key: dataField, Value: 0}}

func encode(id string, r sessionstore.Record) bson.D {
	data := r.Data
	if data == nil {
		data = []byte{} // which is not null
	}
	return bson.D{
		{Key: idField, Value: id},
		{Key: dataField, Value: bson.Binary{Data: data}},
		{Key: subjectField, Value: r.Subject},
		{Key: expiresField, Value: roundUp(r.Expires)},
		{Key: versionField, Value: int64(r.Version)}, //nolint:gosec // bits
	}
}

// decode is the inverse of encode. The data belongs to the caller. What is no record may still
// have its id. What is in no session's place gives errOthers.
func decode(raw bson.Raw, withData bool) (e sessionstore.Entry, err error) {
	defer func() {
		if recover() != nil { // the driver panics on some documents that are no BSON, even in Validate
			err = fmt.Errorf("%w: a document that is no BSON", sessionstore.ErrCorrupt)
		}
	}()
	version, isLong := raw.Lookup(versionField).Int64OK()
	expires, isDate := raw.Lookup(expiresField).DateTimeOK()
	subject, isString := raw.Lookup(subjectField).StringValueOK()
	id := raw.Lookup(idField)
	e.ID, _ = id.StringValueOK()
	_, data, isData := raw.Lookup(dataField).BinaryOK()
	switch {
	case !id.IsZero() && sessionstore.CheckID(e.ID) != nil:
		return e, errOthers
	case !isLong, version == 0, !isDate, !isString, id.IsZero(), isData != withData:
		return e, errForeign
	}
	r := sessionstore.Record{
		Data:    append([]byte(nil), data...),
		Subject: subject,
		Expires: time.UnixMilli(expires).UTC(),
		Version: sessionstore.Version(version), //nolint:gosec // bits
	}
	if r.Live() && foreign(r) {
		return e, errForeign
	}
	e.Record = r
	return e, nil
}

// foreign reports whether no live record has these. Where one has ended, sound doesn't tell,
// and it is replaced and pruned like any other.
func foreign(r sessionstore.Record) bool {
	return r.Expires.After(latest) || r.Subject != "" && sessionstore.CheckSubject(r.Subject) != nil
}

// roundUp returns the first instant, from t on, that a Date can express.
func roundUp(t time.Time) bson.DateTime {
	return bson.NewDateTimeFromTime(t.Add(time.Millisecond - 1))
}

// MongoDB takes numbers of other types for the same, and compares an array by what is in it:
// most conditions have to say that they mean neither.

func isType(name string, more ...bson.E) bson.D {
	return append(bson.D{{Key: "$type", Value: name}, noArray}, more...)
}

var noArray = bson.E{Key: "$not", Value: bson.D{{Key: "$type", Value: "array"}}}

// is finds documents that have a version, which is not zero.
func is(v sessionstore.Version) bson.E {
	return bson.E{Key: versionField, Value: isType("long", bson.E{Key: equal, Value: int64(v)})} //nolint:gosec // bits
}

// of finds documents of a subject.
func of(subject string) bson.E {
	return bson.E{Key: subjectField, Value: bson.D{{Key: equal, Value: subject}, noArray}}
}

// anyID finds documents whose _id is a session's. In a pattern, $ would let a line end there.
var anyID = bson.E{Key: idField, Value: bson.Regex{Pattern: fmt.Sprintf(`^[A-Za-z0-9_-]{%d}(?![\s\S])`, sessionstore.IDLen)}}

// after finds documents in the order of _id, of which only strings can be an id.
func after(id any) bson.E {
	return bson.E{Key: idField, Value: bson.D{{Key: greater, Value: id}}}
}

func byID(id string, conditions ...bson.E) bson.D {
	return append(bson.D{{Key: idField, Value: id}}, conditions...)
}

// live and expired match dates only.
func live() bson.E {
	return bson.E{Key: expiresField, Value: bson.D{
		{Key: greater, Value: now()}, {Key: "$lte", Value: bson.NewDateTimeFromTime(latest)}, noArray,
	}}
}

func expired() bson.E {
	return bson.E{Key: expiresField, Value: bson.D{{Key: "$lte", Value: now()}, noArray}}
}

// notExpired matches what is no date, too.
func notExpired() bson.E { return neither(bson.D{expired()}) }

func neither(conditions bson.D) bson.E {
	return bson.E{Key: "$nor", Value: bson.A{conditions}}
}

func now() bson.DateTime { return bson.NewDateTimeFromTime(time.Now()) }

// sound are the conditions that a document is a session, which has to be asked
// where no version is.
func sound(conditions ...bson.E) bson.D {
	return append(conditions,
		bson.E{Key: dataField, Value: isType("binData")},
		bson.E{Key: subjectField, Value: isType("string")},
		bson.E{Key: versionField, Value: isType("long", bson.E{Key: "$ne", Value: int64(0)})},
	)
}
