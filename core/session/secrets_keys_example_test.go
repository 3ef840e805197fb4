package session_test

import (
	"fmt"
	"log"

	"github.com/cloakroom-go/cloakroom/core/session"
)

func ExampleGenerateKey() {
	key := session.GenerateKey()
	text := session.FormatKey(key) // what goes into the secret store
	fmt.Println(len(key), "bytes,", len(text), "characters")
	// Output:
	// 32 bytes, 43 characters
}

// A key is replaced by putting the new one in front. The old one stays until
// the sessions from its time have ended.
func ExampleParseKeys() {
	// In production, the text comes from os.Getenv or a secret store.
	const text = "s9tUH_zqxhqgHrVDO6LQdCrcz6eWVfx5y7GDgLDRMEk,Yj4zNoGpJ2QpVsmDDmZhu6PRVnHsG7r2TqRqHj0mu5k"
	keys, err := session.ParseKeys(text)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(keys), "keys, the first one signs")

	_, err = session.ParseKeys("secret")
	fmt.Println(err)
	// Output:
	// 2 keys, the first one signs
	// session: key 1 has 4 bytes when decoded, at least 32 are needed; GenerateKey makes one, or head -c 32 /dev/urandom | base64
}
