from benchmarks import devices
from tests.test_case import TestCase


class DevicesTest(TestCase):
    def test_a_ring(self):
        # Of 100 bytes two devices send half, and get the other half's sum; many send all of them, twice.
        self.assertAlmostEqual(devices.seconds(100, 2, 8e-9), 100)
        self.assertAlmostEqual(devices.seconds(100, 1000, 8e-9), 199.8)

    def test_bytes_are_those_of_the_networks(self):
        found = devices._count("dcgan", "default", (28, 28, 1), None)
        from trainers import dcgan
        from trainers.engine import width

        spec = devices.data.DataSpec((28, 28, 1), 10, None, 100, "", {}, None)
        gan = dcgan.build(dcgan.Config(filters=width.ON_ACCELERATORS), spec)
        for role, network in gan.networks.items():
            weights = sum(weight.shape.num_elements() for weight in map(lambda v: v.value, network.trainable_variables))
            self.assertEqual(found["reduced"][role], 4 * weights)
        # All weights, the averages of the generator's, and two moments of each that is trained.
        self.assertGreater(found["checkpoint"], 3 * sum(found["reduced"].values()) + found["reduced"]["generator"])
        self.assertEqual(found["input"], 64 * 28 * 28)

    def test_several_updates_are_several_reductions(self):
        found = devices._count("wgan_gp", "tiny", (8, 8, 3), None)
        one = devices._count("dcgan", "default", (28, 28, 1), None)
        self.assertEqual(set(found["reduced"]), set(one["reduced"]))
        from trainers import wgan_gp

        gan = wgan_gp.build(wgan_gp.Config(), devices.data.DataSpec((8, 8, 3), 10, None, 100, "", {}, None))
        trained = devices._bytes(gan.discriminator.trainable_variables)
        self.assertEqual(found["reduced"]["discriminator"], gan.discriminator_steps * trained)
