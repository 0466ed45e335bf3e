"""Whether a server has cut a prompt to its context without a word, as Ollama does: seen from the tokens that it says it read."""

# Transcripts of any language have fewer characters a token, by every tokenizer in use; English has 4 to 5.
MOST_CHARACTERS_OF_A_TOKEN = 6.5
# A context has a round size. A prompt that has just so many tokens, and could have more, was cut to it.
FEWEST_TOKENS_OF_A_CONTEXT, CHARACTERS_OF_A_TOKEN = 1024, 4
# Two prompts whose lengths differ by more are never the same number of tokens.
DIFFERENCE = 0.02


def is_cut(read: int, characters: int, most: tuple[int, int]) -> bool:
    """Whether fewer tokens were `read` than the prompt's characters are. `most` are the tokens and characters of the prompt of
    which the server has read most so far: what it cuts, it cuts to the same number."""
    if not read:
        return False
    most_read, its_characters = most
    return (
        characters > MOST_CHARACTERS_OF_A_TOKEN * read
        or (is_round(read) and characters > CHARACTERS_OF_A_TOKEN * read)
        or (
            read == most_read >= FEWEST_TOKENS_OF_A_CONTEXT
            and abs(characters - its_characters) > DIFFERENCE * characters
        )
    )


def is_round(tokens: int) -> bool:
    """Whether a context has this size: a power of two, or that less a token."""
    return any(size >= FEWEST_TOKENS_OF_A_CONTEXT and size & (size - 1) == 0 for size in (tokens, tokens + 1))
