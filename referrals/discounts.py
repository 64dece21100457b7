def welcome(basket):
    return None
