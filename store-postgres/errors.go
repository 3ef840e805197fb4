package postgresstore

import (
	"context"
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
	undefinedTable       = "42P01"
	undefinedColumn      = "42703"
	undefinedSchema      = "3F000"
	integrityViolation   = "23" // a class
)

var (
	errForeign = fmt.Errorf("%w: a row with version zero", sessionstore.ErrCorrupt)
	errSwapped = fmt.Errorf("%w: the answer is about another session", sessionstore.ErrCorrupt)
)

// wrap puts the package's name before every error of the driver and says what
// to do where that is known.
func (s *Store) wrap(ctx context.Context, err error) error {
	if err == nil || sessionstore.Certain(err) || errors.Is(err, pgx.ErrNoRows) { // the last becomes one of the contract's
		return err
	}
	switch done := ctx.Err(); {
	case done != nil && !errors.Is(err, done):
		// The server may be the one who reports that a statement was cancelled.
		return fmt.Errorf("postgresstore: %w: %w", done, discreet(err))
	case hasCode(err, undefinedSchema):
		return fmt.Errorf("postgresstore: schema %q is missing: create it or change Options.Schema: %w", s.o.Schema, err)
	case hasCode(err, undefinedTable, undefinedColumn):
		return fmt.Errorf("postgresstore: table %s is missing or not the store's: call Migrate: %w", s.table, err)
	}
	return fmt.Errorf("postgresstore: %w", discreet(err))
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
