inputs = tf.random.normal([32, 10, 8])
lstm = keras.layers.LSTM(4)
output = lstm(inputs)
print(output.shape)
