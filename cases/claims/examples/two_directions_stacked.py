model = Sequential(
    [
        Input(shape=(5, 10)),
        Bidirectional(LSTM(10, return_sequences=True)),
        Bidirectional(LSTM(10)),
        Dense(5, activation="softmax"),
    ]
)
model.compile(loss="categorical_crossentropy", optimizer="rmsprop")
print(model.output_shape)

forward_layer = LSTM(10, return_sequences=True)
backward_layer = LSTM(10, activation="relu", return_sequences=True, go_backwards=True)
model = Sequential(
    [
        Input(shape=(5, 10)),
        Bidirectional(forward_layer, backward_layer=backward_layer),
        Dense(5, activation="softmax"),
    ]
)
print(model.output_shape)
