cell = keras.layers.LSTMCell(3)
x = tf.ones((4, 5))
state = tf.reshape(tf.linspace(-1.0, 1.0, 12), (4, 3))
output = cell(x, state)[0]
rows_of_one = cell(x, [state, state])[0]
first_two_rows = cell(x, [tf.stack([state[0]] * 4), tf.stack([state[1]] * 4)])[0]
print(np.allclose(output, rows_of_one))
print(np.allclose(output, first_two_rows))
