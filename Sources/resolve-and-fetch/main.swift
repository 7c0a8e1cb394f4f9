import Bowline
