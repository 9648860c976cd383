"""Writes the arrays of the tests into the folder given: inputs and what comes out."""
import sys

import numpy as np

folder = sys.argv[1] + "/"
x = np.array([[1, -2, 3], [0.5, 0, -8]], np.float32)
b = np.array([1, -8, 7], np.int8)
y = 2 * x + b
np.save(folder + "x.npy", np.asfortranarray(x.astype(">f4")))
np.save(folder + "b.npy", b)
np.save(folder + "y.npy", y)
np.save(folder + "half.npy", (y[0].view(np.uint32) >> 16).astype(np.uint16))

wrong = y.copy()
wrong[1, 2] += 1
wrong[0, 0] *= 1 + 5e-4
np.save(folder + "wrong.npy", wrong)
nan = y.copy()
nan[0, 1] = np.nan
np.save(folder + "nan.npy", nan)

xs = np.stack([x, x + 1, x - 1, x])
np.save(folder + "xs.npy", xs)
np.save(folder + "bs.npy", np.stack([b, b, b, b[::-1]]))
np.save(folder + "ys.npy", 2 * xs + np.stack([b, b, b, b[::-1]])[:, None])

np.save(folder + "x64.npy", x.astype(np.float64))
np.save(folder + "x3.npy", x.reshape(3, 2))
np.save(folder + "objects.npy", np.array([{}, None]), allow_pickle=True)
np.save(folder + "big.npy", np.array([1, 2, 8], np.int8))
np.save(folder + "xs2.npy", xs[:2])
