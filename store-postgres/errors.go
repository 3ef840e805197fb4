package postgresstore

import (
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// SQLSTATE codes, from appendix A of PostgreSQL's manual.
const (
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	inFailedTransaction  = "25P02"
	invalidStatementName = "26000"
	duplicateStatement   = "42P05"
	undefinedTable       = "42P01"
	undefinedColumn      = "42703"
	undefinedSchema      = "3F000"
	insufficientRights   = "42501"
	integrityViolation   = "23" // a class
)

var (
	errForeign = fmt.Errorf("%w: a row with an id, a subject, an expiry or a version that no record has", sessionstore.ErrCorrupt)
	errSwapped = fmt.Errorf("%w: the answer is about another session", sessionstore.ErrCorrupt)
)

// explain turns an error of the driver into one of the contract where it is certain
// what has happened, and says what to do where that is known.
func (o Options) explain(err error) error {
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return sessionstore.ErrNotFound
	case errors.As(err, new(pgx.ScanArgError)):
		return fmt.Errorf("a row can't be read: unless the table is not the store's, give the role bytea_output = hex and datestyle = ISO "+
			"(ALTER ROLE … SET), which the modes exec and simple_protocol need: %w", err)
	case hasCode(err, insufficientRights):
		return fmt.Errorf("the role lacks a right: it needs SELECT, INSERT, UPDATE and DELETE on table %s and USAGE on its schema, "+
			"and who may not create tables has schema.sql run: %w", quoted(o), err)
	case hasCode(err, undefinedSchema) && o.Schema == "":
		return fmt.Errorf("the search_path has no schema: put one into the connection string or set Options.Schema: %w", err)
	case hasCode(err, undefinedSchema):
		return fmt.Errorf("schema %q is missing: create it or change Options.Schema: %w", o.Schema, err)
	case hasCode(err, invalidStatementName, duplicateStatement):
		return fmt.Errorf("a pooler loses prepared statements: put default_query_exec_mode=exec into the connection string: %w", err)
	case hasCode(err, undefinedTable, undefinedColumn):
		return fmt.Errorf("table %s is missing or not the store's: call Migrate: %w", quoted(o), err)
	}
	return discreet(err)
}

// discreet removes the row that a constraint has refused, a session's data, from
// the error.
func discreet(err error) error {
	var e *pgconn.PgError
	if !errors.As(err, &e) || e.Code[:min(2, len(e.Code))] != integrityViolation {
		return err
	}
	without := *e
	without.Detail = ""
	return &without
}

func hasCode(err error, codes ...string) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && slices.Contains(codes, e.Code)
}
