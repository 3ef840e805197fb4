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
)

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

// decode is the inverse of encode. The data belongs to the caller.
func decode(raw bson.Raw, withData bool) (e sessionstore.Entry, err error) {
	defer func() {
		if recover() != nil { // the driver panics on some documents that are no BSON, even in Validate
			err = fmt.Errorf("%w: a document that is no BSON", sessionstore.ErrCorrupt)
		}
	}()
	version, isLong := raw.Lookup(versionField).Int64OK()
	expires, isDate := raw.Lookup(expiresField).DateTimeOK()
	subject, isString := raw.Lookup(subjectField).StringValueOK()
	id, isID := raw.Lookup(idField).StringValueOK()
	_, data, isData := raw.Lookup(dataField).BinaryOK()
	if !isLong || version == 0 || !isDate || !isString || !isID || isData != withData {
		return e, fmt.Errorf("%w: a document that is no session", sessionstore.ErrCorrupt)
	}
	e.ID = id
	e.Record = sessionstore.Record{
		Data:    append([]byte(nil), data...),
		Subject: subject,
		Expires: time.UnixMilli(expires).UTC(),
		Version: sessionstore.Version(version), //nolint:gosec // bits
	}
	return e, nil
}

// roundUp returns the first instant, from t on, that a Date can express.
func roundUp(t time.Time) bson.DateTime {
	return bson.NewDateTimeFromTime(t.Add(time.Millisecond - 1))
}

// is finds documents that have a version; none is no version.
func is(v sessionstore.Version) bson.E {
	return bson.E{Key: versionField, Value: bson.D{{Key: "$eq", Value: int64(v)}, {Key: "$ne", Value: int64(0)}}} //nolint:gosec // bits
}

// after finds documents in the order of _id, of which only strings can be an id.
func after(id string) bson.E {
	return bson.E{Key: idField, Value: bson.D{{Key: "$gt", Value: id}}}
}

func byID(id string, conditions ...bson.E) bson.D {
	return append(bson.D{{Key: idField, Value: id}}, conditions...)
}

// live and expired match dates only.
func live() bson.E { return compare("$gt") }

func expired() bson.E { return compare("$lte") }

// notExpired matches what is no date, too.
func notExpired() bson.E {
	return bson.E{Key: expiresField, Value: bson.D{{Key: "$not", Value: expired().Value}}}
}

func compare(operator string) bson.E {
	return bson.E{Key: expiresField, Value: bson.D{{Key: operator, Value: bson.NewDateTimeFromTime(time.Now())}}}
}

// sound are the conditions that a document is a session, which has to be asked
// where no version is.
func sound(conditions ...bson.E) bson.D {
	isType := func(name string) bson.D { return bson.D{{Key: "$type", Value: name}} }
	return append(conditions,
		bson.E{Key: dataField, Value: isType("binData")},
		bson.E{Key: subjectField, Value: isType("string")},
		bson.E{Key: versionField, Value: append(isType("long"), bson.E{Key: "$ne", Value: int64(0)})},
	)
}
