# What a server answers.
@0xc50bb7f1c3eaf170;

interface Answers {
    # To a message that goes as one.
    answer @0 (message :Data) -> (answer :Data);

    # A long message comes in pieces, in order, and the answer to the last one is to all of them.
    add @1 (piece :Data) -> stream;
    end @2 (piece :Data) -> (answer :Data);
}
