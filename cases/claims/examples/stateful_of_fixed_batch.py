inputs = keras.Input((7, 5), batch_size=4)
model = keras.Model(inputs, keras.layers.LSTM(3, stateful=True)(inputs))
print(model.output_shape)
