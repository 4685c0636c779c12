layer = keras.layers.LSTM(3, stateful=True)
model = keras.Sequential([keras.Input((7, 5), batch_size=4), layer])
print("model:", hasattr(model, "reset_state"))
print("layer:", hasattr(layer, "reset_state"))
