// Render a Go template as Ollama does: standard input is {"template", "conversations"}, standard output the list of prompts.
// What a template gets from Ollama is described in its docs (template.mdx): .System, .Messages with .Role and .Content.
package main

import (
	"encoding/json"
	"log"
	"os"
	"strings"
	"text/template"
)

type message struct{ Role, Content string }

type input struct {
	Template      string
	Conversations [][]message
}

// system joins all system messages.
func system(messages []message) string {
	var found []string
	for _, m := range messages {
		if m.Role == "system" {
			found = append(found, m.Content)
		}
	}
	return strings.Join(found, "\n\n")
}

func main() {
	var given input
	if err := json.NewDecoder(os.Stdin).Decode(&given); err != nil {
		log.Fatal(err)
	}
	parsed, err := template.New("").Option("missingkey=zero").Parse(given.Template)
	if err != nil {
		log.Fatal(err)
	}
	prompts := []string{}
	for _, messages := range given.Conversations {
		var prompt strings.Builder
		values := map[string]any{"System": system(messages), "Messages": messages, "Response": ""}
		if err := parsed.Execute(&prompt, values); err != nil {
			log.Fatal(err)
		}
		prompts = append(prompts, prompt.String())
	}
	if err := json.NewEncoder(os.Stdout).Encode(prompts); err != nil {
		log.Fatal(err)
	}
}
