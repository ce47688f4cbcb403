// Writes a database of Trivy: a bbolt file of nested buckets with values in JSON.
//
//	database rows.json trivy.db
//
// Each row is a list: the names of the buckets, the key, and the value.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"go.etcd.io/bbolt"
)

func main() {
	if len(os.Args) != 3 {
		fail(errors.New("usage: database rows.json trivy.db"))
	}
	if err := write(os.Args[1], os.Args[2]); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func write(rowsPath, databasePath string) error {
	text, err := os.ReadFile(rowsPath)
	if err != nil {
		return err
	}
	var rows [][]json.RawMessage
	if err := json.Unmarshal(text, &rows); err != nil {
		return err
	}
	database, err := bbolt.Open(databasePath, 0o644, nil)
	if err != nil {
		return err
	}
	defer database.Close()
	return database.Update(func(tx *bbolt.Tx) error {
		for _, row := range rows {
			if err := put(tx, row); err != nil {
				return err
			}
		}
		return nil
	})
}

func put(tx *bbolt.Tx, row []json.RawMessage) error {
	if len(row) < 3 {
		return errors.New("a row needs a bucket, a key and a value")
	}
	names := make([]string, len(row)-1)
	for i := range names {
		if err := json.Unmarshal(row[i], &names[i]); err != nil {
			return err
		}
	}
	bucket, err := tx.CreateBucketIfNotExists([]byte(names[0]))
	for _, name := range names[1 : len(names)-1] {
		if err != nil {
			return err
		}
		bucket, err = bucket.CreateBucketIfNotExists([]byte(name))
	}
	if err != nil {
		return err
	}
	return bucket.Put([]byte(names[len(names)-1]), row[len(row)-1])
}
